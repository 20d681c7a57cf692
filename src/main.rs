use std::process::ExitCode;

use clap::Parser;
use gonogo::demo::{control, service};

/// The hidden processes of the demo; the command line proper is still to come.
#[derive(Debug, Parser)]
#[command(name = "gonogo")]
enum Arguments {
    #[command(hide = true)]
    DemoService(service::ServiceArguments),
    #[command(hide = true)]
    DemoCtl(control::ControlArguments),
}

fn main() -> ExitCode {
    let code = match Arguments::parse() {
        Arguments::DemoService(arguments) => service::main(arguments),
        Arguments::DemoCtl(arguments) => control::main(&arguments),
    };
    ExitCode::from(code)
}
