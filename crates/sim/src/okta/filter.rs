//! The filter language of the list endpoints: comparisons joined by `and`, `or`, `not` and parentheses.

use std::borrow::Cow;

/// A parsed filter.
#[derive(Debug, PartialEq)]
pub(super) enum Filter {
    And(Box<Filter>, Box<Filter>),
    Or(Box<Filter>, Box<Filter>),
    Not(Box<Filter>),
    Present(String),
    Compare(String, Operator, String),
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Operator {
    Equal,
    NotEqual,
    Greater,
    GreaterOrEqual,
    Less,
    LessOrEqual,
    StartsWith,
    EndsWith,
    Contains,
}

/// The value of an attribute of an object.
pub(super) enum Value<'a> {
    Text(Cow<'a, str>),
    /// Several: a comparison holds when it does for one of them.
    Texts(Vec<String>),
    Time(i64),
    Missing,
}

impl<'a> Value<'a> {
    pub(super) fn text(text: &'a str) -> Self {
        Self::Text(Cow::Borrowed(text))
    }

    pub(super) fn time(time: Option<i64>) -> Self {
        time.map_or(Self::Missing, Self::Time)
    }
}

impl Filter {
    /// Reads a filter whose attributes are all in `attributes`.
    pub(super) fn parse(text: &str, attributes: &[&str]) -> Option<Self> {
        let tokens = tokens(text)?;
        let mut reader = Reader { tokens: &tokens, attributes };
        let filter = reader.any()?;
        reader.tokens.is_empty().then_some(filter)
    }

    /// Whether an object with these attribute values passes.
    pub(super) fn accepts<'a>(&self, value: &impl Fn(&str) -> Value<'a>) -> bool {
        match self {
            Self::And(left, right) => left.accepts(value) && right.accepts(value),
            Self::Or(left, right) => left.accepts(value) || right.accepts(value),
            Self::Not(inner) => !inner.accepts(value),
            Self::Present(attribute) => match value(attribute) {
                Value::Missing => false,
                Value::Texts(texts) => !texts.is_empty(),
                Value::Text(_) | Value::Time(_) => true,
            },
            Self::Compare(attribute, operator, wanted) => match value(attribute) {
                Value::Missing => false,
                Value::Text(text) => compare_text(&text, *operator, wanted),
                Value::Texts(texts) => texts.iter().any(|text| compare_text(text, *operator, wanted)),
                Value::Time(time) => wanted
                    .parse::<jiff::Timestamp>()
                    .is_ok_and(|wanted| compare_order(time.cmp(&wanted.as_millisecond()), *operator)),
            },
        }
    }
}

fn compare_text(text: &str, operator: Operator, wanted: &str) -> bool {
    match operator {
        Operator::StartsWith => text.starts_with(wanted),
        Operator::EndsWith => text.ends_with(wanted),
        Operator::Contains => text.contains(wanted),
        _ => compare_order(text.cmp(wanted), operator),
    }
}

fn compare_order(order: std::cmp::Ordering, operator: Operator) -> bool {
    match operator {
        Operator::Equal => order.is_eq(),
        Operator::NotEqual => order.is_ne(),
        Operator::Greater => order.is_gt(),
        Operator::GreaterOrEqual => order.is_ge(),
        Operator::Less => order.is_lt(),
        Operator::LessOrEqual => order.is_le(),
        Operator::StartsWith | Operator::EndsWith | Operator::Contains => false,
    }
}

#[derive(Debug, PartialEq)]
enum Token {
    Open,
    Close,
    Word(String),
    Quoted(String),
}

fn tokens(text: &str) -> Option<Vec<Token>> {
    let mut tokens = Vec::new();
    let mut rest = text.trim_start();
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '(' | ')' => {
                tokens.push(if first == '(' { Token::Open } else { Token::Close });
                1
            }
            '"' => {
                let mut value = String::new();
                let mut escaped = false;
                let mut end = None;
                for (position, letter) in rest.char_indices().skip(1) {
                    match letter {
                        '"' if !escaped => {
                            end = Some(position + 1);
                            break;
                        }
                        '\\' if !escaped => escaped = true,
                        _ => {
                            value.push(letter);
                            escaped = false;
                        }
                    }
                }
                tokens.push(Token::Quoted(value));
                end?
            }
            _ => {
                let end = rest
                    .find(|letter: char| letter.is_whitespace() || "()\"".contains(letter))
                    .unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..end].to_owned()));
                end
            }
        };
        rest = rest[taken..].trim_start();
    }
    Some(tokens)
}

struct Reader<'a> {
    tokens: &'a [Token],
    attributes: &'a [&'a str],
}

impl<'a> Reader<'a> {
    fn any(&mut self) -> Option<Filter> {
        let mut left = self.all()?;
        while self.takes_word("or") {
            left = Filter::Or(Box::new(left), Box::new(self.all()?));
        }
        Some(left)
    }

    fn all(&mut self) -> Option<Filter> {
        let mut left = self.one()?;
        while self.takes_word("and") {
            left = Filter::And(Box::new(left), Box::new(self.one()?));
        }
        Some(left)
    }

    fn one(&mut self) -> Option<Filter> {
        if self.takes_word("not") {
            return Some(Filter::Not(Box::new(self.one()?)));
        }
        match self.next()? {
            Token::Open => {
                let inner = self.any()?;
                (self.next()? == &Token::Close).then_some(inner)
            }
            Token::Word(attribute) if self.attributes.contains(&attribute.as_str()) => {
                let Token::Word(operator) = self.next()? else { return None };
                let operator = match operator.to_ascii_lowercase().as_str() {
                    "pr" => return Some(Filter::Present(attribute.clone())),
                    "eq" => Operator::Equal,
                    "ne" => Operator::NotEqual,
                    "gt" => Operator::Greater,
                    "ge" => Operator::GreaterOrEqual,
                    "lt" => Operator::Less,
                    "le" => Operator::LessOrEqual,
                    "sw" => Operator::StartsWith,
                    "ew" => Operator::EndsWith,
                    "co" => Operator::Contains,
                    _ => return None,
                };
                let (Token::Quoted(value) | Token::Word(value)) = self.next()? else { return None };
                Some(Filter::Compare(attribute.clone(), operator, value.clone()))
            }
            _ => None,
        }
    }

    fn next(&mut self) -> Option<&'a Token> {
        let (first, rest) = self.tokens.split_first()?;
        self.tokens = rest;
        Some(first)
    }

    fn takes_word(&mut self, word: &str) -> bool {
        let found =
            matches!(self.tokens.first(), Some(Token::Word(found)) if found.eq_ignore_ascii_case(word));
        if found {
            self.tokens = &self.tokens[1..];
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ATTRIBUTES: [&str; 3] = ["color", "size", "born"];

    /// A red object of size 5 that was born in 2025; whether it passes.
    fn passes(filter: &str) -> Option<bool> {
        let born = 1_735_732_800_000; // 2025-01-01T12:00:00Z
        Some(Filter::parse(filter, &ATTRIBUTES)?.accepts(&|attribute: &str| match attribute {
            "color" => Value::text("red"),
            "born" => Value::Time(born),
            _ => Value::Missing,
        }))
    }

    #[test]
    fn filters_decide() {
        for (filter, expected) in [
            (r#"color eq "red""#, true),
            (r#"color eq "blue""#, false),
            (r#"color ne "blue""#, true),
            (r#"color sw "re""#, true),
            (r#"color ew "re""#, false),
            (r#"color co "e""#, true),
            ("color pr", true),
            ("size pr", false),
            (r#"size eq "5""#, false),
            ("not (size pr)", true),
            (r#"color eq "blue" and size pr or color pr"#, true),
            (r#"color eq "blue" and (size pr or color pr)"#, false),
            (r#"color eq "blue" OR color EQ "red""#, true),
            (r#"born gt "2025-01-01T11:59:59.999Z""#, true),
            (r#"born ge "2025-01-01T12:00:00Z""#, true),
            (r#"born gt "2025-01-01T12:00:00Z""#, false),
            (r#"born lt "2025-01-01T12:00:00.001Z""#, true),
            (r#"born le "2025-01-01T12:00:00.000Z""#, true),
            (r#"born gt "yesterday""#, false),
        ] {
            assert_eq!(passes(filter), Some(expected), "{filter}");
        }
    }

    #[test]
    fn what_is_not_a_filter_is_refused() {
        for filter in [
            "",
            "color",
            "color eq",
            r#"shape eq "round""#,
            r#"color is "red""#,
            "(color pr",
            "color pr)",
            r#"color eq "red"#,
        ] {
            assert_eq!(passes(filter), None, "{filter}");
        }
    }
}
