//! What a sample system is: the parts from which the frame brings it up.

use axum::Router;
use futures::future::BoxFuture;
use sqlx::postgres::PgConnectOptions;
use tokio_util::sync::CancellationToken;

use super::layout::{ServiceName, Version};
use super::web::App;

/// A sample system with the guide that deploys a new version of it.
#[derive(Debug)]
pub struct System {
    /// As it is called on the command line.
    pub name: &'static str,
    /// One line for the list.
    pub about: &'static str,
    /// The ways in which it can be broken.
    pub breaks: &'static [Break],
    /// The guide, by its path in the directory.
    pub guide: &'static str,
    /// The files of its directory, by their path in it.
    pub(super) files: &'static [(&'static str, &'static str)],
    /// Run by the superuser before the databases are made.
    pub(super) roles: &'static str,
    /// The role that the guide works as. It owns the databases.
    pub owner: &'static str,
    /// The role of the services.
    pub(super) application: &'static str,
    pub(super) databases: &'static [Database],
    /// In the order in which they are started.
    pub services: &'static [Service],
    /// The guide is walked in one after the other.
    pub(super) environments: &'static [Environment],
    /// What the end is compared with the beginning by.
    pub(super) kept: &'static [Kept],
    /// How much shorter its windows and waits are where somebody watches, and where nobody does.
    pub scales: [u32; 2],
    /// What a version of its services needs before it can be started.
    pub(super) needs: fn(Version) -> &'static [Need],
    /// What a service of it answers.
    pub(super) router: fn(App) -> Router,
    /// What a service of it does without being asked, until it is told to stop.
    pub(super) traffic: fn(App, PgConnectOptions, CancellationToken) -> BoxFuture<'static, ()>,
}

/// A way to break a sample system, to see what the operator sees then.
#[derive(Debug)]
pub struct Break {
    pub name: &'static str,
    /// One line for the list.
    pub about: &'static str,
    /// Run on the last database before the services start; the services of that database know the
    /// name, too.
    pub(super) sql: &'static str,
}

/// A database, and the scripts that fill it, run by the superuser.
#[derive(Debug)]
pub(super) struct Database {
    pub name: &'static str,
    pub scripts: &'static [&'static str],
}

#[derive(Debug)]
pub struct Service {
    pub name: ServiceName,
    pub(super) database: &'static str,
}

/// An environment of the `gonogo.toml`.
#[derive(Debug)]
pub(super) struct Environment {
    pub name: &'static str,
    pub database: &'static str,
    /// The services whose health is read, and the names that the guide knows them by.
    pub services: &'static [(&'static str, ServiceName)],
    pub window: &'static str,
}

/// A part of the state that a deployment must not change, or that shows what it has changed.
#[derive(Debug)]
pub(super) struct Kept {
    pub what: &'static str,
    pub database: &'static str,
    /// Gives one text.
    pub sql: &'static str,
}

/// The versions of the services that were started last.
pub(super) const VERSIONS: &str =
    "SELECT string_agg(service || ' ' || version, ', ' ORDER BY service) FROM service_instances";

/// What a version of a service needs in its database.
pub(super) struct Need {
    pub what: &'static str,
    /// Gives whether it is there.
    pub sql: &'static str,
}

impl System {
    pub fn broken(&self, name: &str) -> Option<&'static Break> {
        self.breaks.iter().find(|own| own.name == name)
    }

    /// The environments in which its guide is walked, in that order.
    pub fn environment_names(&self) -> impl Iterator<Item = &'static str> {
        self.environments.iter().map(|environment| environment.name)
    }

    /// The database that is broken, where one is.
    pub(super) fn broken_database(&self) -> &'static str {
        self.databases.last().map_or("", |database| database.name)
    }

    /// The services of this system, in the order in which they are started.
    pub fn service_names(&self) -> impl DoubleEndedIterator<Item = ServiceName> {
        self.services.iter().map(|service| service.name)
    }
}
