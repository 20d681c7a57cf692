//! Kinds of guides that were once misread, each as a small guide of our own: what the reader makes of the
//! whole.

use super::{Block, Role, Runbook, parse};

fn open(text: &str) -> Runbook {
    parse("guide.md", text.as_bytes())
}

/// The block that begins with some words.
fn block<'a>(runbook: &'a Runbook, begin: &str) -> &'a Block {
    let found = runbook
        .blocks
        .iter()
        .find(|block| block.code.trim_start().starts_with(begin));
    found.unwrap_or_else(|| panic!("no block begins with {begin}"))
}

#[test]
fn what_is_set_for_later_blocks_is_typed_and_a_file_of_settings_is_not() {
    let runbook = open(
        "# Ship\n\n## Step 1: Set\n\n```bash\nZONE=\"eu-1\"\nOWNER=\"your-team\"\n```\n\n## Step 2: Make\n\n```bash\ncloud make shop --zone \"$ZONE\"\n```\n\n## Step 3: File\n\n```bash\nSHOP_COLOR=red\n```\n",
    );
    assert_eq!(block(&runbook, "ZONE").role, Role::Fill);
    assert!(block(&runbook, "cloud").needs.is_empty());
    assert_eq!(block(&runbook, "SHOP_COLOR").role, Role::Content);
}

#[test]
fn one_block_that_says_it_is_for_another_database_speaks_for_the_others() {
    let text = "# Flags\n\n## On\n\n```sql\n-- In SQLite:\nUPDATE shop SET open = 1 WHERE id = 1;\n```\n\n## Off\n\n```sql\nUPDATE shop SET open = 0 WHERE id = 1;\n```\n";
    let roles =
        |text: &str| -> Vec<Role> { open(text).blocks.iter().map(|one| one.role).collect() };
    assert_eq!(roles(text), [Role::Foreign, Role::Foreign]);
    // Beside psql it speaks for itself only.
    let both = format!("{text}\n## Count\n\n```bash\npsql shop -c 'SELECT 1'\n```\n");
    assert_eq!(roles(&both), [Role::Foreign, Role::Run, Role::Run]);
    assert_eq!(
        roles("# A\n\n```sql\nCREATE USER 'shop'@'localhost' IDENTIFIED BY 'your_word';\n```\n"),
        [Role::Foreign]
    );
}
