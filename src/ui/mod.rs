//! ui
pub struct Options {
    pub me: String,
    pub observe: bool,
    pub layout: Option<String>,
    pub theme: Option<String>,
}
pub async fn run(_client: crate::api::Client, _options: Options) -> color_eyre::Result<()> {
    Ok(())
}
