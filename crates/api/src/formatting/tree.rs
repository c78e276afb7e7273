//! The blocks and marks of a text, as CommonMark reads them.
//!
//! Rules, the underlines of headings and indented code become paragraphs of the characters that the author wrote. They join
//! paragraphs that stand beside them without an empty line between.

use std::iter::Peekable;
use std::ops::Range;

use pulldown_cmark::{CodeBlockKind, Event, HeadingLevel, LinkType, OffsetIter, Parser, Tag};
use shared::formatting::{Block, Element, Inline, MAX_NESTING};

use super::guards::{GUARD, restore};
use super::links;
use super::source::OPTIONS;

/// The longest name of a language.
const MAX_LANG_LENGTH: usize = 32;

/// The tree of a prepared text. Its plain text still has guards. `None` if it is too deep.
pub fn parse(source: &str) -> Option<Vec<Block>> {
    let events = Parser::new_ext(source, OPTIONS).into_offset_iter().peekable();
    Reader { source, events, in_link: false }.blocks(1)
}

/// Reads the events of the parser. Each function reads up to the end of the element it is in.
struct Reader<'source> {
    source: &'source str,
    events: Peekable<OffsetIter<'source>>,
    /// Whether it is within a link, where no other link can be.
    in_link: bool,
}

impl Reader<'_> {
    fn blocks(&mut self, depth: usize) -> Option<Vec<Block>> {
        let mut blocks = Blocks { source: self.source, list: Vec::new(), text_end: None };
        loop {
            // Items of a tight list have no paragraphs.
            if let Some((_, first)) = self.events.peek().filter(|(event, _)| is_inline(event)) {
                let start = first.start;
                let (content, end) = self.inlines(depth + 1)?;
                blocks.paragraph(content, start..end);
                continue;
            }
            let next = self.events.next_if(|(event, _)| !matches!(event, Event::End(_)));
            let Some((event, range)) = next else { return Some(blocks.list) };
            if depth > MAX_NESTING {
                return None;
            }
            match event {
                Event::Rule => {
                    let rule = self.source[range.clone()].trim().to_owned();
                    blocks.paragraph(vec![Inline::Text(rule)], range);
                }
                Event::Start(tag) => {
                    self.block(tag, range, depth, &mut blocks)?;
                    self.events.next();
                }
                _ => return None,
            }
        }
    }

    fn block(&mut self, tag: Tag, range: Range<usize>, depth: usize, blocks: &mut Blocks) -> Option<()> {
        match tag {
            Tag::Paragraph => blocks.paragraph(self.inlines(depth + 1)?.0, range),
            Tag::Heading { level, .. } => {
                let (mut content, _) = self.inlines(depth + 1)?;
                match self.source[range.clone()].trim_end().rsplit_once('\n') {
                    Some((_, underline)) => {
                        let underline = underline.trim_start_matches(|mark| mark != '-' && mark != '=');
                        content.extend([Inline::Element(Element::Br), Inline::Text(underline.to_owned())]);
                        blocks.paragraph(content, range);
                    }
                    None => blocks.push(Block::H { l: heading_level(level), c: content }),
                }
            }
            Tag::BlockQuote(_) => blocks.push(Block::Quote { c: self.blocks(depth + 1)? }),
            Tag::CodeBlock(CodeBlockKind::Fenced(info)) => {
                let code = self.code();
                blocks.push(fenced(&restore(&info), &restore(&code)));
            }
            Tag::CodeBlock(CodeBlockKind::Indented) => {
                while let Some((Event::Text(code), range)) = self.events.next_if(is_text) {
                    let mut start = range.start;
                    for line in code.split_inclusive('\n') {
                        let content = Inline::Text(line.trim().to_owned());
                        if !line.trim().is_empty() {
                            blocks.paragraph(vec![content], start..start + line.len());
                        }
                        start += line.len();
                    }
                }
            }
            Tag::List(number) => {
                let mut items = Vec::new();
                while self.events.next_if(|(event, _)| matches!(event, Event::Start(Tag::Item))).is_some() {
                    items.push(self.blocks(depth + 1)?);
                    self.events.next();
                }
                blocks.push(match number {
                    None => Block::Ul { c: items },
                    Some(_) => Block::Ol { start: 1, c: items },
                });
            }
            // The preparation leaves no other block.
            _ => return None,
        }
        Some(())
    }

    /// The text of a fenced block of code.
    fn code(&mut self) -> String {
        let mut code = String::new();
        while let Some((Event::Text(text), _)) = self.events.next_if(is_text) {
            code.push_str(&text);
        }
        code
    }

    /// The inline elements that follow, and where the last one ends.
    fn inlines(&mut self, depth: usize) -> Option<(Vec<Inline>, usize)> {
        let mut content = Vec::new();
        let mut end = 0;
        while let Some((event, range)) = self.events.next_if(|(event, _)| is_inline(event)) {
            end = range.end;
            match event {
                Event::Text(text) => content.push(Inline::Text(self.guarded(&text, range))),
                Event::Code(code) => content.push(Inline::Element(Element::Code { text: restore(&code) })),
                Event::InlineHtml(html) => push_lines(&mut content, &html),
                Event::Start(tag) => {
                    if depth > MAX_NESTING {
                        return None;
                    }
                    self.mark(tag, range, depth, &mut content)?;
                    self.events.next();
                }
                _ => content.push(Inline::Element(Element::Br)),
            }
        }
        Some((content, end))
    }

    fn mark(&mut self, tag: Tag, range: Range<usize>, depth: usize, content: &mut Vec<Inline>) -> Option<()> {
        let element = match tag {
            Tag::Emphasis => Element::I { c: self.inlines(depth + 1)?.0 },
            Tag::Strong => Element::B { c: self.inlines(depth + 1)?.0 },
            Tag::Strikethrough if self.source[range.clone()].starts_with("~~") => {
                Element::S { c: self.inlines(depth + 1)?.0 }
            }
            Tag::Strikethrough => {
                let (inner, _) = self.inlines(depth + 1)?;
                content.push(Inline::Text("~".to_owned()));
                content.extend(inner);
                content.push(Inline::Text("~".to_owned()));
                return Some(());
            }
            Tag::Link { link_type, dest_url, .. } => {
                let link = Link { kind: link_type, opening: "[", target: &dest_url };
                return self.link(link, range, depth, content);
            }
            Tag::Image { link_type, dest_url, .. } => {
                let link = Link { kind: link_type, opening: "![", target: &dest_url };
                return self.link(link, range, depth, content);
            }
            _ => return None,
        };
        content.push(Inline::Element(element));
        Some(())
    }

    fn link(
        &mut self,
        link: Link,
        range: Range<usize>,
        depth: usize,
        content: &mut Vec<Inline>,
    ) -> Option<()> {
        let href = restore(link.target);
        let href = if link.kind == LinkType::Email { format!("mailto:{href}") } else { href };
        let is_link = !self.in_link && links::is_allowed(&href);
        self.in_link |= is_link;
        let (mut inner, end) = self.inlines(depth + 1)?;
        if is_link {
            self.in_link = false;
            if inner.is_empty() {
                inner.push(Inline::Text(href.clone()));
            }
            content.push(Inline::Element(Element::A { href, c: inner }));
        } else if matches!(link.kind, LinkType::Autolink | LinkType::Email) {
            push_lines(content, &self.source[range]);
        } else {
            let end = end.max(range.start + link.opening.len());
            content.push(Inline::Text(link.opening.to_owned()));
            content.extend(inner);
            push_lines(content, self.source.get(end..range.end).unwrap_or_default());
        }
        Some(())
    }

    /// The text of an event, with a guard if the author escaped its first character or wrote it as an entity.
    fn guarded(&self, text: &str, range: Range<usize>) -> String {
        let is_escaped = self.source[..range.start].ends_with('\\')
            && text.starts_with(|first: char| first.is_ascii_punctuation());
        let is_entity = self.source[range].starts_with('&') && !text.starts_with('&');
        if is_escaped || is_entity { format!("{GUARD}{text}") } else { text.to_owned() }
    }
}

/// A link or an image, as the parser found it.
struct Link<'event> {
    kind: LinkType,
    /// How its mark begins.
    opening: &'static str,
    target: &'event str,
}

/// The blocks of one parent.
struct Blocks<'source> {
    source: &'source str,
    list: Vec<Block>,
    /// Where the last block ends, if it is a paragraph.
    text_end: Option<usize>,
}

impl Blocks<'_> {
    fn push(&mut self, block: Block) {
        self.list.push(block);
        self.text_end = None;
    }

    /// Adds a paragraph, or the next lines of the last one.
    fn paragraph(&mut self, content: Vec<Inline>, range: Range<usize>) {
        let lines_between =
            |end| self.source.get(end..range.start).map(|between| between.matches('\n').count());
        let is_next_line = self.text_end.and_then(lines_between).is_some_and(|lines| lines <= 1);
        match self.list.last_mut() {
            Some(Block::P { c }) if is_next_line => {
                c.push(Inline::Element(Element::Br));
                c.extend(content);
            }
            _ => self.list.push(Block::P { c: content }),
        }
        let written = self.source.get(range.clone()).unwrap_or_default();
        self.text_end = Some(range.start + written.trim_end().len());
    }
}

fn heading_level(level: HeadingLevel) -> u8 {
    match level {
        HeadingLevel::H1 => 1,
        HeadingLevel::H2 => 2,
        _ => 3,
    }
}

/// A block of code. What else its first line says than a language is shown as the first line of the code.
fn fenced(info: &str, code: &str) -> Block {
    let info = info.trim();
    let word = info.split(char::is_whitespace).next().unwrap_or_default();
    let is_lang_char = |character: char| character.is_ascii_alphanumeric() || "_+#.-".contains(character);
    let is_lang = (1..=MAX_LANG_LENGTH).contains(&word.len()) && word.chars().all(is_lang_char);
    let rest = if is_lang { info[word.len()..].trim_start() } else { info };
    let code = code.strip_suffix('\n').unwrap_or(code);
    let text = match (rest, code) {
        ("", code) => code.to_owned(),
        (rest, "") => rest.to_owned(),
        (rest, code) => format!("{rest}\n{code}"),
    };
    Block::Pre { lang: is_lang.then(|| word.to_owned()), text }
}

/// Adds text that may have line breaks.
fn push_lines(content: &mut Vec<Inline>, text: &str) {
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            content.push(Inline::Element(Element::Br));
        }
        let line = if index > 0 { line.trim_start() } else { line };
        content.push(Inline::Text(line.to_owned()));
    }
}

fn is_text((event, _): &(Event, Range<usize>)) -> bool {
    matches!(event, Event::Text(_))
}

fn is_inline(event: &Event) -> bool {
    match event {
        Event::Text(_) | Event::Code(_) | Event::InlineHtml(_) | Event::SoftBreak | Event::HardBreak => true,
        Event::Start(tag) => matches!(
            tag,
            Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. } | Tag::Image { .. }
        ),
        _ => false,
    }
}
