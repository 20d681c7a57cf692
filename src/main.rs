use std::process::ExitCode;

use clap::Parser;
use gonogo::demo::{control, host, service};

/// The hidden processes of the demo; the command line proper is still to come.
#[derive(Debug, Parser)]
#[command(name = "gonogo")]
enum Arguments {
    #[command(hide = true)]
    DemoService(service::ServiceArguments),
    #[command(hide = true)]
    DemoCtl(control::ControlArguments),
    #[command(hide = true)]
    DemoHost(host::HostArguments),
}

fn main() -> ExitCode {
    let code = match Arguments::parse() {
        Arguments::DemoService(arguments) => service::main(arguments),
        Arguments::DemoCtl(arguments) => control::main(&arguments),
        Arguments::DemoHost(arguments) => host::main(&arguments),
    };
    ExitCode::from(code)
}
