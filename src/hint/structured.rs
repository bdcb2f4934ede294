//! The part of structured fields (RFC 9651) that the rate limit fields need.
//!
//! Lists of items with parameters, and dictionaries of such items. What is well-formed but of no
//! use here (byte sequences, dates, tokens) is stepped over; what is malformed makes the whole
//! value unusable, as RFC 9651 §4.2 demands.

/// More members than this in one value make it unusable.
const MAX_MEMBERS: usize = 16;
/// More parameters than this on one item make its value unusable.
const MAX_PARAMETERS: usize = 16;

/// A bare item.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bare<'a> {
    Integer(i64),
    /// The string between its quotes, escapes as they were sent. There is one way only to write a
    /// string, so that two of them can be compared like this.
    String(&'a str),
    /// Of a type that no rate limit field uses.
    Other,
}

/// A list's or dictionary's member with the parameters that rate limit fields define.
#[derive(Clone, Copy, Debug)]
pub(super) struct Member<'a> {
    /// The key, in a dictionary.
    pub(super) key: &'a str,
    pub(super) value: Bare<'a>,
    /// Remaining.
    pub(super) r: Option<Bare<'a>>,
    /// Time until the reset.
    pub(super) t: Option<Bare<'a>>,
    /// Quota.
    pub(super) q: Option<Bare<'a>>,
    /// Unit of the quota.
    pub(super) qu: Option<Bare<'a>>,
    /// Window.
    pub(super) w: Option<Bare<'a>>,
}

impl<'a> Member<'a> {
    fn new(key: &'a str, value: Bare<'a>) -> Self {
        Self {
            key,
            value,
            r: None,
            t: None,
            q: None,
            qu: None,
            w: None,
        }
    }

    fn set(&mut self, parameter: &str, value: Bare<'a>) {
        let field = match parameter {
            "r" => &mut self.r,
            "t" => &mut self.t,
            "q" => &mut self.q,
            "qu" => &mut self.qu,
            "w" => &mut self.w,
            _ => return,
        };
        *field = Some(value);
    }
}

/// Reads a list of items.
pub(super) fn list(text: &str) -> Option<Vec<Member<'_>>> {
    members(text, |cursor| {
        let value = cursor.bare()?;
        cursor.parameters(Member::new("", value))
    })
}

/// Reads a dictionary of items.
pub(super) fn dictionary(text: &str) -> Option<Vec<Member<'_>>> {
    members(text, |cursor| {
        let key = cursor.key()?;
        let value = if cursor.eat('=') {
            cursor.bare()?
        } else {
            Bare::Other
        };
        cursor.parameters(Member::new(key, value))
    })
}

fn members<'a>(
    text: &'a str,
    member: impl Fn(&mut Cursor<'a>) -> Option<Member<'a>>,
) -> Option<Vec<Member<'a>>> {
    let mut cursor = Cursor {
        rest: text.trim_matches(' '),
    };
    let mut members = Vec::new();
    while members.len() < MAX_MEMBERS {
        members.push(member(&mut cursor)?);
        cursor.skip([' ', '\t']);
        if cursor.rest.is_empty() {
            return Some(members);
        }
        cursor.eat(',').then_some(())?;
        cursor.skip([' ', '\t']);
    }
    None
}

struct Cursor<'a> {
    rest: &'a str,
}

impl<'a> Cursor<'a> {
    fn eat(&mut self, expected: char) -> bool {
        let rest = self.rest.strip_prefix(expected);
        self.rest = rest.unwrap_or(self.rest);
        rest.is_some()
    }

    fn skip<const N: usize>(&mut self, chars: [char; N]) {
        self.rest = self.rest.trim_start_matches(chars);
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let end = self.rest.find(|c| !wanted(c)).unwrap_or(self.rest.len());
        let (taken, rest) = self.rest.split_at(end);
        self.rest = rest;
        taken
    }

    fn key(&mut self) -> Option<&'a str> {
        self.rest
            .starts_with(|c: char| c.is_ascii_lowercase() || c == '*')
            .then_some(())?;
        Some(
            self.take_while(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || "_-.*".contains(c)),
        )
    }

    fn parameters(&mut self, mut member: Member<'a>) -> Option<Member<'a>> {
        for _ in 0..MAX_PARAMETERS {
            if !self.eat(';') {
                return Some(member);
            }
            self.skip([' ']);
            let key = self.key()?;
            let value = if self.eat('=') {
                self.bare()?
            } else {
                Bare::Other
            };
            member.set(key, value);
        }
        None
    }

    fn bare(&mut self) -> Option<Bare<'a>> {
        match self.rest.chars().next()? {
            '"' => self.string(),
            ':' => {
                self.eat(':');
                self.take_while(|c| c.is_ascii_alphanumeric() || "+/=".contains(c));
                self.eat(':').then_some(Bare::Other)
            }
            '?' => {
                self.eat('?');
                (self.eat('0') || self.eat('1')).then_some(Bare::Other)
            }
            '@' => {
                self.eat('@');
                self.number()
            }
            c if c == '-' || c.is_ascii_digit() => self.number(),
            c if c == '*' || c.is_ascii_alphabetic() => {
                self.take_while(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~:/".contains(c));
                Some(Bare::Other)
            }
            // Inner lists and display strings occur in no rate limit field.
            _ => None,
        }
    }

    fn string(&mut self) -> Option<Bare<'a>> {
        self.eat('"');
        let content = self.rest;
        let mut escaped = false;
        for (end, byte) in content.bytes().enumerate() {
            match (escaped, byte) {
                (true, b'"' | b'\\') => escaped = false,
                (false, b'\\') => escaped = true,
                (false, b'"') => {
                    self.rest = &content[end + 1..];
                    return Some(Bare::String(&content[..end]));
                }
                (false, b' '..=b'~') => {}
                _ => return None,
            }
        }
        None
    }

    fn number(&mut self) -> Option<Bare<'a>> {
        let negative = self.eat('-');
        let digits = self.take_while(|c| c.is_ascii_digit());
        (1..=15).contains(&digits.len()).then_some(())?;
        if self.eat('.') {
            let fraction = self.take_while(|c| c.is_ascii_digit());
            return (digits.len() <= 12 && (1..=3).contains(&fraction.len()))
                .then_some(Bare::Other);
        }
        let value: i64 = digits.parse().ok()?;
        Some(Bare::Integer(if negative { -value } else { value }))
    }
}
