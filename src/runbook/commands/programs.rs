//! The names of programs that people call in deployment guides, sorted.

/// One word each, as it begins a command.
#[rustfmt::skip]
pub(super) const PROGRAMS: &[&str] = &[
    "adduser", "alembic", "ansible", "ansible-playbook", "apachectl", "apk", "apt", "apt-get",
    "argocd", "asdf", "awk", "aws", "aws-vault", "az", "azcopy", "base64", "bash", "borg", "brew",
    "bun", "bundle", "bunx", "bzip2", "caddy", "cap", "cargo", "cat", "cd", "ceph", "certbot",
    "chmod", "chown", "chronyc", "clickhouse-client", "clusterdb", "composer", "consul", "cp",
    "cqlsh", "createdb", "createuser", "crictl", "crontab", "curl", "cut", "date", "dbmate",
    "deno", "df", "diff", "dig", "direnv", "django-admin", "dmesg", "dnf", "docker",
    "docker-compose", "doctl", "dokku", "dotnet", "dropdb", "du", "eb", "echo", "env", "etcdctl",
    "ethtool", "eval", "exit", "expo", "export", "find", "firebase", "firewall-cmd", "flask",
    "flux", "fly", "flyctl", "flyway", "free", "gcloud", "getent", "gh", "git", "glab", "go",
    "goose", "gpg", "gradle", "grep", "groupadd", "gsutil", "gunicorn", "gunzip", "gzip",
    "haproxy", "hcloud", "head", "helm", "helmfile", "heroku", "hostname", "hostnamectl", "htop",
    "http", "ibmcloud", "id", "initctl", "initdb", "iostat", "ip", "iptables", "istioctl", "java",
    "jest", "journalctl", "jq", "k6", "kamal", "kill", "killall", "kind", "knex", "kubectl",
    "kubeseal", "kustomize", "less", "linode-cli", "liquibase", "ln", "logger", "loginctl", "ls",
    "lsof", "make", "mc", "md5sum", "migrate", "minikube", "mise", "mix", "mkdir", "mongodump",
    "mongorestore", "mongosh", "mount", "mv", "mvn", "mysql", "mysqladmin", "mysqldump",
    "mysqlimport", "nc", "nerdctl", "netlify", "netstat", "nginx", "nmap", "node", "nodetool",
    "nohup", "nomad", "npm", "npx", "nslookup", "nvm", "oc", "oci", "od", "openssl", "openstack",
    "packer", "passwd", "patronictl", "pg_basebackup", "pg_ctl", "pg_ctlcluster", "pg_dump",
    "pg_dumpall", "pg_isready", "pg_lsclusters", "pg_receivewal", "pg_restore", "pg_rewind",
    "pg_upgrade", "pg_verifybackup", "pgbackrest", "pgbench", "pgbouncer", "pgrep", "php",
    "pidof", "ping", "pip", "pip3", "pipenv", "pkill", "pm2", "pnpm", "podman", "poetry",
    "prisma", "ps", "psql", "pulumi", "pwd", "pytest", "python", "python3",
    "rabbitmq-diagnostics", "rabbitmqctl", "rails", "railway", "rake", "rbd", "rclone",
    "redis-cli", "redis-server", "reindexdb", "repmgr", "restic", "rm", "rsync", "ruby", "s3cmd",
    "scp", "sed", "sequelize", "service", "set", "setenforce", "sftp", "sh", "sha256sum",
    "skopeo", "sleep", "smartctl", "sops", "source", "sqlite3", "ss", "ssh", "strings", "su", "sudo",
    "supabase", "supervisorctl", "sysctl", "systemctl", "tail", "talosctl", "tar", "tee",
    "telnet", "terraform", "test", "timedatectl", "timeout", "tofu", "top", "touch", "traceroute",
    "trivy", "ts-node", "tsc", "tsx", "typeorm", "ufw", "umount", "uname", "unzip", "useradd",
    "usermod", "uv", "uvicorn", "vacuumdb", "valkey-cli", "varnishadm", "vault", "velero",
    "vercel", "vitest", "vmstat", "wal-g", "watch", "wc", "wget", "which", "whoami", "wrangler",
    "xargs", "xxd", "yarn", "yum",
];

#[cfg(test)]
mod tests {
    use super::PROGRAMS;

    #[test]
    fn the_names_are_sorted_for_the_search() {
        assert!(PROGRAMS.is_sorted());
    }
}
