//! Reads the limits and enumerations that the vendor states in prose only, in English and in Chinese.
//!
//! "Enum values: std, pro", "cannot exceed 2500 characters", 最多支持4张图片: no structural comparison sees them. Here they
//! become constraints with the line of the page that says so. What a schema states by its own keywords comes first, then
//! the vendor's `x-apifox-enum`, then prose. A phrase that is not understood is no constraint; nothing is guessed.

use std::collections::HashSet;
use std::sync::LazyLock;

use regex::{Captures, Regex};

use crate::tree::{Node, Place};

/// One constraint on a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Constraint {
    pub(crate) keyword: Keyword,
    /// For an enumeration its members, otherwise one number.
    pub(crate) values: Vec<String>,
    /// The line that says so.
    pub(crate) place: Place,
    pub(crate) said: Said,
}

/// What a constraint is about: the keyword that JSON Schema has for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Keyword {
    Enum,
    MinLength,
    MaxLength,
    MinItems,
    MaxItems,
    Minimum,
    Maximum,
}

/// How a constraint is stated.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Said {
    /// By a keyword of the schema.
    Keyword,
    /// By the vendor's extension.
    Extension,
    /// In a text for people.
    Prose,
}

impl Keyword {
    pub(crate) const ALL: [Self; 7] =
        [Self::Enum, Self::MinLength, Self::MaxLength, Self::MinItems, Self::MaxItems, Self::Minimum, Self::Maximum];

    pub(crate) fn name(self) -> &'static str {
        // In the order of their definition.
        ["enum", "minLength", "maxLength", "minItems", "maxItems", "minimum", "maximum"][self as usize]
    }
}

/// The constraints that a schema states about its own values, at most one of each kind.
pub(crate) fn constraints(schema: &Node) -> Vec<Constraint> {
    let mut all = statements(schema);
    let mut seen = HashSet::new();
    all.retain(|one| seen.insert(one.keyword));
    all
}

/// All that a schema states, at most once in each way: what comes first stands above what says the same otherwise.
pub(crate) fn statements(schema: &Node) -> Vec<Constraint> {
    let mut found: Vec<Constraint> = Vec::new();
    let mut add = |keyword: Keyword, values: Vec<String>, place: Place, said: Said| {
        if !values.is_empty() && !found.iter().any(|old| (old.keyword, old.said) == (keyword, said)) {
            found.push(Constraint { keyword, values, place, said });
        }
    };
    for keyword in Keyword::ALL {
        if let Some(node) = schema.get(keyword.name()) {
            add(keyword, values(node), node.place.clone(), Said::Keyword);
        }
    }
    if let Some(node) = schema.get("x-apifox-enum") {
        let items = schema.items("x-apifox-enum").iter();
        let values = items.filter_map(|item| item.get("value").unwrap_or(item).word());
        add(Keyword::Enum, values.filter(|value| !value.is_empty()).collect(), node.place.clone(), Said::Extension);
    }
    let kind = schema.get_text("type");
    for text in ["description", "title"].into_iter().filter_map(|key| schema.get(key)) {
        for (keyword, values, line) in prose(text.text().unwrap_or_default(), kind) {
            let place = Place { line: text.content_line + line, ..text.place.clone() };
            add(keyword, values, place, Said::Prose);
        }
    }
    found
}

/// The value of a keyword, or its values.
pub(crate) fn values(node: &Node) -> Vec<String> {
    node.list().unwrap_or(std::slice::from_ref(node)).iter().filter_map(Node::word).collect()
}

/// The constraints in a text about a value of some type, each with the index of its line.
fn prose(text: &str, kind: Option<&str>) -> Vec<(Keyword, Vec<String>, usize)> {
    let lines: Vec<&str> = text.lines().collect();
    let mut found = Vec::new();
    for (index, line) in lines.iter().enumerate() {
        if let Some(values) = enumeration(line, lines.get(index + 1..).unwrap_or_default()) {
            found.push((Keyword::Enum, values, index));
        }
        for groups in LIMITS.iter().flat_map(|limit| limit.captures_iter(line)) {
            found.extend(limits(&groups, kind).map(|(keyword, value)| (keyword, vec![value], index)));
        }
    }
    found
}

static INTRODUCTION: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(
        r"(?xi)
        (?: \b enum (?: eration | erated | s )? (?: \s+ (?: values? | options? | items? ) )?
          | \b (?: optional | possible | allowed | available | supported | valid | accepted | selectable ) \s+ (?: values? | options? | modes? | models? )
          | \b (?: one | either ) \s+ of
          | 枚举值? | 可选值 | 可选项 | 可选参数 | 取值 | 支持的?值 | 有效值 | 允许的?值 | 可用值 )
        \s* (?: are | is | include s? | 为 | 是 | 有 | 包括 | 如下 )? \s* (?: [:：] | 为 ) \s*
        (?P<list> .* ) $",
    )
    .ok()
});

/// The members of an enumeration that a line announces; they may stand on the lines after it.
fn enumeration(line: &str, following: &[&str]) -> Option<Vec<String>> {
    let groups = INTRODUCTION.as_ref()?.captures(line)?;
    let list = groups.name("list")?.as_str();
    let values = if list.trim().is_empty() { members_below(following) } else { members(list) };
    (!values.is_empty()).then_some(values)
}

fn members(list: &str) -> Vec<String> {
    // What follows a full stop, or stands in brackets, explains.
    let sentence = list.split(['。', ';', '；']).next().unwrap_or_default();
    let sentence = sentence.split(". ").next().unwrap_or_default();
    let plain = without_brackets(sentence);
    let commas = [',', '，', '、'];
    let parts: Vec<&str> = plain.split(if plain.contains(commas) { &commas[..] } else { &['/', '|'] }).collect();
    let parts = parts.into_iter().flat_map(|part| part.split(" or ")).flat_map(|part| part.split(" and "));
    let mut values = Vec::new();
    for part in parts.flat_map(|part| part.split('或')) {
        let part = part.trim().trim_start_matches("or ").trim_start_matches("and ");
        let (word, rest) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
        // Chinese words follow a Latin value without a blank.
        let end = word.find(|c: char| !c.is_ascii()).filter(|_| word.starts_with(|c: char| c.is_ascii_alphanumeric()));
        let (word, rest) = end.and_then(|end| word.split_at_checked(end)).unwrap_or((word, rest));
        match member(word) {
            Some(value) if !values.contains(&value) => values.push(value),
            Some(_) => {}
            None => break,
        }
        // Words after a member begin another sentence.
        if !rest.trim().is_empty() {
            break;
        }
    }
    values
}

/// Members on lines of their own, each with or without a bullet and an explanation.
fn members_below(lines: &[&str]) -> Vec<String> {
    let mut values = Vec::new();
    for line in lines.iter().map(|line| line.trim()) {
        let line = line.trim_start_matches(['-', '*', '•', '·']).trim_start();
        let line = without_brackets(line);
        let end = line.find([' ', '：', '，', ',']).unwrap_or(line.len());
        let (word, rest) = line.split_at_checked(end).unwrap_or((&line, ""));
        // A member is alone on its line, or explained behind a mark; other words begin another sentence.
        let explained = word.ends_with(':') || rest.trim_start().starts_with(['：', ':', '-', '–', '—', '，', ',']);
        if !explained && !rest.trim().is_empty() {
            break;
        }
        match member(word.trim_end_matches(':')) {
            Some(value) => values.push(value),
            None => break,
        }
    }
    values
}

fn without_brackets(text: &str) -> String {
    let mut depth = 0_u32;
    let mut out = String::new();
    for c in text.chars() {
        match c {
            '(' | '（' => depth += 1,
            ')' | '）' => depth = depth.saturating_sub(1),
            c if depth == 0 => out.push(c),
            _ => {}
        }
    }
    out
}

/// A word that can be a value: quotes and the full stop taken off.
fn member(word: &str) -> Option<String> {
    let word = word.trim().trim_end_matches(['.', '。']).trim_matches(['"', '\'', '`', '“', '”', '‘', '’', '「', '」']);
    let fits =
        word.chars().all(|c| c.is_alphanumeric() || "._:+-".contains(c)) && word.chars().any(char::is_alphanumeric);
    let talk = ["default", "optional", "required", "默认"].iter().any(|talk| word.to_lowercase().starts_with(talk));
    (fits && !talk && !word.ends_with(':')).then(|| word.to_owned())
}

/// Phrases that state one or two numbers.
static LIMITS: LazyLock<Vec<Regex>> = LazyLock::new(|| {
    /// What is counted: characters, or things.
    const UNIT: &str = r"(?P<unit>characters?|chars?\b|letters?|images?|pictures?|photos?|videos?|items?|elements?|entries|files?|urls?|个?字符|个?字|(?:张|个|段|条|项|幅|份)\s*(?:参考)?(?:图片|图像|图|视频|元素|素材|文件)?)";
    const TO: &str = r"\s*(?:-|–|~|～|to|and|至|到)\s*";
    let number = |name: &str| format!(r"(?P<{name}>\d[\d,]*)");
    let phrases = [
        format!(r"(?:(?:can|may|must|should|do|does)\s*not|can't|mustn't|cannot|not|no)\s+(?:be\s+)?(?:exceed(?:ing)?|more\s+than|longer\s+than|over)\s+{}\s*{UNIT}", number("max")),
        format!(r"(?:up\s+to|at\s+most|a?\s*max(?:imum)?(?:\s+length)?(?:\s+of|\s+is)?\s*[:：]?|within|limited\s+to|less\s+than\s+or\s+equal\s+to|<=|≤)\s*{}\s*{UNIT}", number("max")),
        format!(r"{}\s*{UNIT}\s*(?:at\s+most|max(?:imum)?\b|or\s+(?:less|fewer)|以内|以下|之内)", number("max")),
        format!(r"(?:at\s+least|a?\s*min(?:imum)?(?:\s+length)?(?:\s+of|\s+is)?\s*[:：]?|no\s+(?:less|fewer)\s+than|not\s+less\s+than|>=|≥)\s*{}\s*{UNIT}", number("min")),
        format!(r"(?:between\s+)?{}{TO}{}\s*{UNIT}", number("min"), number("max")),
        format!(r"(?:不能|不可|不得|不应|不要|不|勿)\s*(?:超过|超出|大于|多于|超)\s*{}\s*{UNIT}", number("max")),
        format!(r"(?:最多|最长|至多|最大(?:长度)?|上限|限制?|长度上限)\s*(?:为|是|支持|可以?|允许|上传|输入|传入?)*\s*[:：]?\s*{}\s*{UNIT}", number("max")),
        format!(r"(?:至少|最少|不少于|不能少于|不得少于|最短|下限)\s*(?:为|是|支持|需要?|上传|输入|传入?)*\s*[:：]?\s*{}\s*{UNIT}", number("min")),
        // `Value range: [0, 1]`
        r"(?:\brange|范围)\s*(?:is|of|为|是)?\s*[:：]?\s*(?:from\s+)?[\[【(（]\s*(?P<least>-?\d+(?:\.\d+)?)\s*(?:,|，|~|～|-|to|至)\s*(?P<most>-?\d+(?:\.\d+)?)\s*[\]】)）]".to_owned(),
    ];
    phrases.iter().filter_map(|phrase| Regex::new(&format!("(?i){phrase}")).ok()).collect()
});

/// The constraints that a phrase states, if they can be about a value of this type.
fn limits(groups: &Captures<'_>, kind: Option<&str>) -> impl Iterator<Item = (Keyword, String)> {
    let unit = groups.name("unit").map(|unit| unit.as_str().to_lowercase()).unwrap_or_default();
    let characters = ["char", "letter", "字"].iter().any(|word| unit.contains(word));
    let text = characters && matches!(kind, Some("string") | None);
    let list = !characters && kind == Some("array");
    let numeric = matches!(kind, Some("number" | "integer") | None);
    let all = [
        (Keyword::MinLength, "min", text),
        (Keyword::MaxLength, "max", text),
        (Keyword::MinItems, "min", list),
        (Keyword::MaxItems, "max", list),
        (Keyword::Minimum, "least", numeric),
        (Keyword::Maximum, "most", numeric),
    ];
    let fitting = all.into_iter().filter(|(_, _, fits)| *fits);
    fitting.filter_map(|(keyword, name, _)| Some((keyword, groups.name(name)?.as_str().replace(',', ""))))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;

    fn lifted(text: &str, kind: &str) -> String {
        let mut found: Vec<String> = prose(text, Some(kind))
            .iter()
            .map(|(keyword, values, line)| format!("{}={}@{line}", keyword.name(), values.join("|")))
            .collect();
        found.dedup();
        found.join(" ")
    }

    #[test]
    fn enumerations_are_lifted_from_english_and_chinese_prose() {
        let cases = [
            ("Model name Enumeration value: kling-v1-6", "enum=kling-v1-6@0"),
            (
                "Video generation mode\nEnum values: std, pro\nstd: Standard mode (basic), cost-effective",
                "enum=std|pro@1",
            ),
            ("Video duration (in seconds)\nEnumerated values: 5, 10", "enum=5|10@1"),
            ("枚举值：std，pro", "enum=std|pro@0"),
            ("枚举值：on，off仅V2.6支持", "enum=on|off@0"),
            ("模式\n枚举值: std、pro。std 为标准模式", "enum=std|pro@1"),
            ("可选值为：16:9，9:16，1:1", "enum=16:9|9:16|1:1@0"),
            ("Optional values: std/pro", "enum=std|pro@0"),
            ("Enum values: `std`, \"pro\" (default std)", "enum=std|pro@0"),
            ("Possible values are: std (standard), pro (expert) or max.", "enum=std|pro|max@0"),
            ("Enum values:\n- std: standard\n- pro: expert\nMore words here", "enum=std|pro@0"),
            ("枚举值：\nstd：标准\npro：专家", "enum=std|pro@0"),
            (
                "Supported models: kling-v1, kling-v1-5, kling-v1-6, default: kling-v1",
                "enum=kling-v1|kling-v1-5|kling-v1-6@0",
            ),
            ("Enum values: simple, down_back. Choose one", "enum=simple|down_back@0"),
            ("The aspect ratio (width:height) of the generated image.", ""),
            ("取值范围：[0, 1]", ""),
            ("Note: this is optional: yes", ""),
        ];
        for (text, expected) in cases {
            assert_eq!(lifted(text, "string"), expected, "{text}");
        }
    }

    #[test]
    fn limits_are_lifted_from_english_and_chinese_prose() {
        let cases = [
            ("Positive text prompts\ncannot exceed 2500 characters", "string", "maxLength=2500@1"),
            ("must not be more than 2,500 characters", "string", "maxLength=2500@0"),
            ("Up to 200 characters", "string", "maxLength=200@0"),
            ("Maximum length: 50 chars", "string", "maxLength=50@0"),
            ("500 characters or less", "string", "maxLength=500@0"),
            ("At least 2 characters", "string", "minLength=2@0"),
            ("Between 2 and 50 characters", "string", "minLength=2@0 maxLength=50@0"),
            ("Supports up to 4 images", "array", "maxItems=4@0"),
            ("1-4 images", "array", "minItems=1@0 maxItems=4@0"),
            ("Supports up to 4 images", "string", ""),
            ("不能超过2500个字符", "string", "maxLength=2500@0"),
            ("正向提示词，不得超过 2500 字", "string", "maxLength=2500@0"),
            ("最多支持4张图片", "array", "maxItems=4@0"),
            ("最多可上传 4 张参考图", "array", "maxItems=4@0"),
            ("500个字符以内", "string", "maxLength=500@0"),
            ("至少 1 张图片", "array", "minItems=1@0"),
            ("2-4张图片", "array", "minItems=2@0 maxItems=4@0"),
            ("长度最长为500个字符", "string", "maxLength=500@0"),
            ("Value range: [0, 1]", "number", "minimum=0@0 maximum=1@0"),
            ("取值范围：[-10，10]", "number", "minimum=-10@0 maximum=10@0"),
            ("The file cannot exceed 10 MB", "string", ""),
            ("each side at least 300 px, ratio 1:2.5 to 2.5:1", "string", ""),
        ];
        for (text, kind, expected) in cases {
            assert_eq!(lifted(text, kind), expected, "{text}");
        }
    }

    #[test]
    fn a_constraint_names_the_line_of_the_page_and_keywords_come_before_prose() {
        let yaml = "type: string\ndescription: |-\n  Mode\n  Enum values: std, pro\nmaxLength: 3\nx-apifox-enum:\n  - value: a\n    name: ''\n";
        let schema = crate::tree::read(yaml, &Arc::from("p.md"), 100).unwrap_or_else(|e| panic!("{e:?}"));
        let found: Vec<_> =
            constraints(&schema).into_iter().map(|c| (c.keyword, c.values.join("|"), c.place.line, c.said)).collect();
        assert_eq!(
            found,
            [
                (Keyword::MaxLength, "3".to_owned(), 104, Said::Keyword),
                (Keyword::Enum, "a".to_owned(), 105, Said::Extension)
            ]
        );
        let yaml = "type: array\nitems: {type: string}\ndescription: |-\n  Images\n\n  最多支持4张图片\n";
        let schema = crate::tree::read(yaml, &Arc::from("p.md"), 1).unwrap_or_else(|e| panic!("{e:?}"));
        assert_eq!(constraints(&schema).first().map(|c| (c.place.line, c.said)), Some((6, Said::Prose)));
    }

    #[test]
    fn every_pattern_compiles() {
        assert!(INTRODUCTION.is_some());
        assert_eq!(LIMITS.len(), 9);
    }
}
