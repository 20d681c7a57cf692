//! Programs that destroy, as data: a new one is a row.

use crate::runbook::syntax::shell::Call;

/// A program is destructive where its words say all of this.
pub(super) struct Row {
    /// Names of the program, as words below; `*` is any.
    programs: &'static [&'static str],
    /// Words that are no options, in this order, with others between them. `a|b` is either, `a*` a
    /// beginning, `*a` an end, `a*b` both.
    words: &'static [&'static str],
    /// One of these options is given; empty: none needs to be.
    options: &'static [&'static str],
    /// What is said.
    phrase: &'static str,
}

const fn row(
    programs: &'static [&'static str],
    words: &'static [&'static str],
    options: &'static [&'static str],
    phrase: &'static str,
) -> Row {
    Row {
        programs,
        words,
        options,
        phrase,
    }
}

const DOCKER: &[&str] = &["docker", "podman", "nerdctl"];
const COMPOSE: &[&str] = &[
    "docker",
    "docker-compose",
    "podman",
    "podman-compose",
    "nerdctl",
];

/// The first row that fits a call says what it destroys.
#[rustfmt::skip]
const ROWS: &[Row] = &[
    row(&["rm"], &[], &["-r", "-R", "--recursive"], "rm -r"),
    row(&["rm"], &[], &[], "rm"),
    row(&["unlink", "shred", "wipefs", "blkdiscard", "sgdisk"], &["*"], &[], ""),
    row(&["mkfs*"], &[], &[], "mkfs"),
    row(&["dd"], &["of=*"], &[], "dd"),
    row(&["find"], &[], &["-delete"], "find -delete"),
    row(&["rsync"], &[], &["--delete", "--delete-after", "--delete-before", "--delete-during", "--delete-excluded", "--remove-source-files"], "rsync --delete"),
    row(&["truncate"], &[], &["-s", "--size"], "truncate"),
    row(&["crontab"], &[], &["-r"], "crontab -r"),
    row(&["userdel", "deluser", "groupdel"], &[], &[], ""),
    row(&["lvremove", "vgremove", "pvremove"], &[], &[], ""),
    row(&["zfs", "zpool", "btrfs", "virsh"], &["destroy|delete|undefine"], &[], ""),
    row(&["iptables", "ip6tables"], &[], &["-F", "-X", "--flush"], "iptables -F"),
    row(&["dropdb", "dropuser", "pg_dropcluster", "pg_resetwal"], &[], &[], ""),
    row(&["pg_restore"], &[], &["--clean", "-c"], "pg_restore --clean"),
    row(&["pgbackrest"], &["stanza-delete|expire"], &[], ""),
    row(&["wal-g", "barman"], &["delete"], &[], ""),
    row(&["git"], &["push"], &["--force", "-f", "--force-with-lease", "--mirror"], "git push --force"),
    row(&["git"], &["push"], &["--delete", "-d"], "git push --delete"),
    row(&["git"], &["push", "+*"], &[], "git push --force"),
    row(&["git"], &["reset"], &["--hard"], "git reset --hard"),
    row(&["git"], &["clean"], &["-f", "--force"], "git clean"),
    row(&["git"], &["branch"], &["-D"], "git branch -D"),
    row(&["git"], &["stash", "drop|clear"], &[], "git stash drop"),
    row(&["gh", "glab"], &["repo|release|secret|variable|environment", "delete"], &[], ""),
    row(&["kubectl", "oc", "k3s", "microk8s"], &["delete"], &[], "kubectl delete"),
    row(&["helm", "helm3"], &["uninstall|delete"], &[], "helm uninstall"),
    row(&["argocd", "flux", "velero"], &["delete"], &[], ""),
    row(COMPOSE, &["down"], &["-v", "--volumes", "--rmi"], "docker compose down -v"),
    row(COMPOSE, &["volume", "rm|prune"], &[], "docker volume rm"),
    row(COMPOSE, &["system", "prune"], &[], "docker system prune"),
    row(COMPOSE, &["image", "rm|prune"], &[], "docker rmi"),
    row(DOCKER, &["rmi"], &[], "docker rmi"),
    row(COMPOSE, &["network|container|builder", "prune"], &[], "docker prune"),
    row(COMPOSE, &["rm"], &[], "docker rm"),
    row(&["terraform", "tofu", "pulumi", "terragrunt", "cdk", "cdktf", "sst"], &["destroy"], &[], "terraform destroy"),
    row(&["terraform", "tofu", "terragrunt"], &["apply"], &["-destroy", "--destroy"], "terraform destroy"),
    row(&["terraform", "tofu", "terragrunt"], &["state", "rm"], &[], "terraform state rm"),
    row(&["redis-cli", "valkey-cli", "keydb-cli"], &["flushall|flushdb|FLUSHALL|FLUSHDB"], &[], "redis flush"),
    row(&["redis-cli", "valkey-cli", "keydb-cli"], &["del|unlink|DEL|UNLINK"], &[], "redis del"),
    row(&["mysqladmin"], &["drop"], &[], ""),
    row(&["aws"], &["s3|s3api", "rm|rb|delete-*"], &[], "aws s3 rm"),
    row(&["aws"], &["s3", "sync"], &["--delete"], "aws s3 rm"),
    row(&["aws"], &["delete-*|terminate-*|purge-*|deregister-*|remove-*"], &[], "aws delete"),
    row(&["gcloud", "gsutil", "bq"], &["delete|rm|rb"], &[], "gcloud delete"),
    row(&["az"], &["delete|purge|delete-batch"], &[], "az delete"),
    row(&["doctl", "hcloud", "linode-cli", "ibmcloud", "oci", "scw", "openstack", "civo"], &["delete|rm|destroy|terminate"], &[], ""),
    row(&["heroku"], &["*:destroy|*:reset|apps:delete"], &[], "heroku pg:reset"),
    row(&["fly", "flyctl"], &["destroy|delete|rm"], &[], "fly destroy"),
    row(&["railway", "vercel", "netlify", "wrangler", "render"], &["delete|rm|remove|down"], &[], ""),
    row(&["supabase"], &["db", "reset"], &[], "supabase db reset"),
    row(&["prisma"], &["migrate", "reset"], &[], "prisma migrate reset"),
    row(&["prisma"], &["db", "push"], &["--force-reset", "--accept-data-loss"], "prisma db push"),
    row(&["rails", "rake", "npm", "yarn", "pnpm", "bun", "mix", "artisan", "php", "npx", "make", "just", "task", "sequelize", "typeorm", "knex", "bundle"], &["*db:drop*|*db:reset*|db:wipe|migrate:fresh|migrate:reset|ecto.drop|ecto.reset|schema:drop|db-drop|db-reset"], &[], "supabase db reset"),
    row(&["python", "python3", "manage.py", "django-admin"], &["flush|reset_db|sqlflush"], &[], "manage.py flush"),
    row(&["etcdctl", "consul", "vault"], &["del|delete|destroy"], &[], ""),
    row(&["rabbitmqctl"], &["reset|force_reset|delete_*|purge_queue"], &[], ""),
    row(&["kafka-topics", "kafka-topics.sh", "kafka-consumer-groups", "kafka-consumer-groups.sh"], &[], &["--delete"], "kafka delete"),
    row(&["mc", "rclone", "s3cmd"], &["rm|rb|delete|purge|del|deletefile|rmdirs"], &[], ""),
    row(&["restic", "borg"], &["forget|prune|delete"], &[], ""),
    row(&["npm", "pnpm"], &["unpublish"], &[], ""),
    row(&["apt", "apt-get"], &["purge"], &[], ""),
    row(&["alembic", "migrate", "goose", "dbmate", "flyway", "liquibase", "sql-migrate", "diesel", "atlas"], &["down*|drop|rollback*|revert|reset|redo|undo|clean"], &[], "migration taken back"),
    row(&["*"], &["*alembic|*migrate|*migration|*migrations", "down|downgrade|rollback|revert|undo"], &[], "migration taken back"),
    row(&["*"], &["*migrate:rollback|*migrate:down|*migrate:undo*|*migration:revert|*db:rollback|*db:migrate:down|ecto.rollback"], &[], "migration taken back"),
    row(&["restore*.sh", "*-restore.sh", "*_restore.sh"], &[], &[], "restore"),
    row(DOCKER, &["run", "tar", "x*"], &[], "tar into a volume"),
];

/// Folders that tools make anew: nothing is lost with them.
const MADE_ANEW: &[&str] = &[
    "node_modules",
    ".next",
    ".nuxt",
    ".turbo",
    "__pycache__",
    ".pytest_cache",
];

/// Whether `rm` takes away nothing but what a tool makes anew.
fn is_made_anew(call: &Call<'_>) -> bool {
    let mut operands = call.operands().peekable();
    call.program == "rm"
        && operands.peek().is_some()
        && operands.all(|path| {
            let name = path.trim_end_matches('/').rsplit('/').next();
            name.is_some_and(|name| MADE_ANEW.contains(&name))
        })
}

/// What a call destroys.
pub(super) fn destroyed_by(call: &Call<'_>) -> Option<String> {
    if call.program.is_empty() {
        return None;
    }
    let row = ROWS.iter().find(|row| fits(row, call))?;
    if is_made_anew(call) {
        return None;
    }
    let said = match row.phrase {
        "" => {
            let mut words = vec![call.program.to_owned()];
            words.extend(row.words.iter().filter_map(|wanted| {
                let mut operands = call.operands();
                let found = operands.find(|word| *wanted != "*" && matches(wanted, word));
                found.map(str::to_owned)
            }));
            words.join(" ")
        }
        phrase => phrase.to_owned(),
    };
    Some(said)
}

fn fits(row: &Row, call: &Call<'_>) -> bool {
    let named = row.programs.iter().any(|name| match *name {
        // What only prints or looks at words does not do what they say.
        "*" => !matches!(
            call.program,
            "echo" | "printf" | "grep" | "git" | "ls" | "cat" | "man"
        ),
        name => matches(name, call.program),
    });
    if !named || !row.options.is_empty() && !call.has_option(row.options) {
        return false;
    }
    let mut operands = call.operands();
    row.words
        .iter()
        .all(|wanted| operands.any(|word| matches(wanted, word)))
}

fn matches(wanted: &str, word: &str) -> bool {
    wanted.split('|').any(|one| {
        let (from, inner) = match one.strip_prefix('*') {
            Some(rest) => (true, rest),
            None => (false, one),
        };
        let (to, inner) = match inner.strip_suffix('*') {
            Some(rest) => (true, rest),
            None => (false, inner),
        };
        match (from, to) {
            (false, false) => match inner.split_once('*') {
                Some((head, tail)) => word
                    .strip_prefix(head)
                    .is_some_and(|rest| rest.ends_with(tail)),
                None => word == inner,
            },
            (true, false) => word.ends_with(inner),
            (false, true) => word.starts_with(inner),
            (true, true) => word.contains(inner),
        }
    })
}
