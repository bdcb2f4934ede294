//! Server-sent events that come in pieces.

use super::scanner::Scanner;

/// What the lines begin with that have the data.
const DATA: &[u8] = b"data:";

/// Takes the data out of server-sent events.
#[derive(Debug, Default)]
pub(super) struct Events {
    line: Line,
    /// The last byte was a CR: an LF belongs to it.
    after_cr: bool,
}

/// Where in a line it is.
#[derive(Debug)]
enum Line {
    /// Behind this many bytes, which begin a line of data.
    Begins(usize),
    /// In data.
    Data,
    /// In something else.
    Other,
}

impl Default for Line {
    fn default() -> Self {
        Self::Begins(0)
    }
}

impl Events {
    /// Reads a piece, and gives the data in it to the scanner.
    pub(super) fn read(
        &mut self,
        mut piece: &[u8],
        scanner: &mut Scanner,
        found: &mut impl FnMut(&[u8], bool),
    ) {
        while let Some(first) = piece.first() {
            if std::mem::take(&mut self.after_cr) && *first == b'\n' {
                piece = &piece[1..];
                continue;
            }
            let end = piece.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            let (text, rest) = piece.split_at(end.unwrap_or(piece.len()));
            self.read_text(text, scanner, found);
            let Some(end) = rest.first() else {
                return;
            };
            self.after_cr = *end == b'\r';
            if matches!(self.line, Line::Begins(0)) {
                // A line without anything ends the event.
                *scanner = Scanner::default();
            }
            self.line = Line::default();
            piece = &rest[1..];
        }
    }

    /// Reads more of a line.
    fn read_text(
        &mut self,
        mut text: &[u8],
        scanner: &mut Scanner,
        found: &mut impl FnMut(&[u8], bool),
    ) {
        while let (Line::Begins(known), Some(byte)) = (&mut self.line, text.first()) {
            self.line = if DATA[*known] != *byte {
                Line::Other
            } else if *known + 1 == DATA.len() {
                Line::Data
            } else {
                Line::Begins(*known + 1)
            };
            text = &text[1..];
        }
        if matches!(self.line, Line::Data) {
            scanner.read(text, found);
        }
    }
}
