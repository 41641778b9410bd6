//! Finds the blocks of code of a page.

/// A block of code.
pub struct Block {
    pub info: String,
    pub text: String,
}

/// Returns the blocks of code of a page.
pub fn blocks(page: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut lines = page.lines();
    while let Some(line) = lines.next() {
        if let Some(info) = line.strip_prefix("```") {
            let text = lines
                .by_ref()
                .take_while(|line| *line != "```")
                .fold(String::new(), |text, line| text + line + "\n");
            blocks.push(Block { info: info.to_owned(), text });
        }
    }
    blocks
}
