use std::process::ExitCode;

use clap::Parser;
use gonogo::demo::{control, host, service};

/// The hidden processes of the demo; the command line proper is still to come.
#[derive(Debug, Parser)]
#[command(name = "gonogo")]
enum Arguments {
    #[command(hide = true)]
    #[command(name = "demo-service")]
    Service(service::ServiceArguments),
    #[command(hide = true)]
    #[command(name = "demo-ctl")]
    Control(control::ControlArguments),
    #[command(hide = true)]
    #[command(name = "demo-host")]
    Host(host::HostArguments),
}

fn main() -> ExitCode {
    let code = match Arguments::parse() {
        Arguments::Service(arguments) => service::main(arguments),
        Arguments::Control(arguments) => control::main(&arguments),
        Arguments::Host(arguments) => host::main(&arguments),
    };
    ExitCode::from(code)
}
