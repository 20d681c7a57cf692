//! The cockpit's screens and keys, with the real engine behind them and without a terminal.

mod alarms;
mod before;
mod database;
mod desk;
mod keys;
mod screens;
mod tables;
mod walked;
