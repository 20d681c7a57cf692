use std::path::Path;

fn main() {
    let arguments: Vec<_> = std::env::args_os().skip(1).collect();
    if let [command, directory] = arguments.as_slice()
        && command == "shim"
    {
        std::process::exit(gonogo::executor::shim::main(Path::new(directory)));
    }
}
