//! Finds the paths in Rust source text, as far as `use` and qualified names go.

use std::collections::BTreeMap;

/// Source text without comments, strings and character literals.
fn strip(source: &str) -> String {
    let (mut out, mut rest) = (String::new(), source);
    while let Some(first) = rest.chars().next() {
        let literal = literal_len(rest);
        if literal > 0 {
            out.push(' ');
            rest = &rest[literal..];
        } else {
            // A raw string begins with a letter that must not be taken for the end of a name.
            let name = rest.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(rest.len());
            let len = if name == 0 { first.len_utf8() } else { name };
            out.push_str(&rest[..len]);
            rest = &rest[len..];
        }
    }
    out
}

/// How much of the beginning of `text` is a comment or a literal with quotes.
fn literal_len(text: &str) -> usize {
    let until = |begin: usize, end: &str| text[begin..].find(end).map_or(text.len(), |at| begin + at + end.len());
    let raw = text.strip_prefix('b').unwrap_or(text).strip_prefix('r').and_then(|rest| {
        let hashes = rest.len() - rest.trim_start_matches('#').len();
        rest[hashes..].starts_with('"').then(|| (text.len() - rest.len() + hashes + 1, format!("\"{}", "#".repeat(hashes))))
    });
    if text.starts_with("//") {
        until(2, "\n") - 1
    } else if text.starts_with("/*") {
        until(2, "*/")
    } else if let Some((begin, end)) = raw {
        until(begin, &end)
    } else if text.starts_with('"') || text.starts_with("b\"") {
        quoted_len(text, '"')
    } else if text.starts_with('\'') && is_character(text) {
        quoted_len(text, '\'')
    } else {
        0
    }
}

/// A character literal, and not a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    chars.next() == Some('\\') || chars.next() == Some('\'')
}

fn quoted_len(text: &str, quote: char) -> usize {
    let begin = text.find(quote).unwrap() + 1;
    let mut escaped = false;
    for (at, c) in text[begin..].char_indices() {
        if c == quote && !escaped {
            return begin + at + 1;
        }
        escaped = c == '\\' && !escaped;
    }
    text.len()
}

/// Names and punctuation; `::` is one token.
pub(crate) fn tokens(source: &str) -> Vec<String> {
    let mut out: Vec<String> = Vec::new();
    let stripped = strip(source);
    let mut chars = stripped.chars().peekable();
    while let Some(c) = chars.next() {
        let word = |c: char| c.is_alphanumeric() || c == '_';
        let mut token = String::from(c);
        if word(c) {
            while let Some(next) = chars.next_if(|next| word(*next)) {
                token.push(next);
            }
        } else if c == ':' && chars.next_if_eq(&':').is_some() {
            token.push(':');
        }
        if !c.is_whitespace() {
            out.push(token);
        }
    }
    without_tests(&out)
}

/// Leaves out items under `#[cfg(test)]`.
fn without_tests(tokens: &[String]) -> Vec<String> {
    let (mut out, mut at) = (Vec::new(), 0);
    while at < tokens.len() {
        if tokens[at..].iter().map(String::as_str).take(7).eq(["#", "[", "cfg", "(", "test", ")", "]"]) {
            at = end_of_item(tokens, at + 7);
        } else {
            out.push(tokens[at].clone());
            at += 1;
        }
    }
    out
}

/// Where the item that begins at `at` ends: after its `;`, or after its last brace.
fn end_of_item(tokens: &[String], mut at: usize) -> usize {
    let mut depth = 0;
    let is_use = tokens[at..].iter().take(5).any(|token| token == "use");
    while at < tokens.len() {
        match tokens[at].as_str() {
            "{" => depth += 1,
            "}" if depth == 1 && !is_use => return at + 1,
            "}" => depth -= 1,
            ";" if depth == 0 => return at + 1,
            _ => {}
        }
        at += 1;
    }
    at
}

/// All paths that begin at `at`, behind `prefix`; a group in braces gives one for each member.
pub(crate) fn paths(tokens: &[String], at: &mut usize, prefix: &[String], found: &mut Vec<Vec<String>>) {
    let mut path = prefix.to_vec();
    let token = |at: usize| tokens.get(at).map_or("", String::as_str);
    loop {
        match token(*at) {
            "{" => {
                while !["}", ""].contains(&token(*at)) {
                    *at += 1;
                    if !["}", ",", ""].contains(&token(*at)) {
                        paths(tokens, at, &path, found);
                    }
                }
                *at += 1;
                return;
            }
            "super" => drop(path.pop()),
            "self" | "*" => {}
            name if name.starts_with(|c: char| c.is_alphanumeric() || c == '_') => path.push(name.to_owned()),
            _ => break,
        }
        *at += 1;
        if token(*at) != "::" {
            break;
        }
        *at += 1;
    }
    if token(*at) == "as" {
        *at += 2;
    }
    found.push(path);
}

/// Every path in a source file that begins with `crate`, `super` or `self`, from the root of the crate.
pub(crate) fn references(module: &[String], source: &str) -> Vec<Vec<String>> {
    let tokens = tokens(source);
    let (mut found, mut here, mut depth, mut inline) = (Vec::new(), module.to_vec(), 0, Vec::new());
    let mut at = 0;
    while at < tokens.len() {
        let next = |ahead: usize| tokens.get(at + ahead).map_or("", String::as_str);
        match tokens[at].as_str() {
            "mod" if next(2) == "{" => {
                here.push(next(1).to_owned());
                inline.push(depth);
            }
            "{" => depth += 1,
            "}" => {
                depth -= 1;
                if inline.last() == Some(&depth) {
                    inline.pop();
                    here.pop();
                }
            }
            "crate" | "super" | "self" if next(1) == "::" && (at == 0 || tokens[at - 1] != "::") => {
                let root = tokens[at] == "crate";
                let mut begin = if root { at + 2 } else { at };
                paths(&tokens, &mut begin, if root { &[] } else { &here }, &mut found);
                at = begin;
                continue;
            }
            _ => {}
        }
        at += 1;
    }
    found
}

/// Names that lib.rs exports, with the module that they come from.
pub(crate) fn exports(lib: &str) -> BTreeMap<String, String> {
    let tokens = tokens(lib);
    let mut found = Vec::new();
    for at in (0..tokens.len()).filter(|at| tokens[*at] == "use") {
        paths(&tokens, &mut (at + 1), &[], &mut found);
    }
    found.into_iter().map(|path| (path.last().unwrap().clone(), path[0].clone())).collect()
}
