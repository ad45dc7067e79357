//! JUnit XML reports, which most CI systems read.

use std::io::{self, Write};

use quick_xml::Writer;
use quick_xml::events::{BytesDecl, BytesText, Event};

/// The cases of one file, or of a folder whose files contain one case each.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Suite {
    /// The file or folder.
    pub name: String,
    /// The cases.
    pub cases: Vec<TestCase>,
}

/// A case.
#[derive(Debug, Clone, PartialEq)]
pub struct TestCase {
    /// The name.
    pub name: String,
    /// The file.
    pub file: String,
    /// The response time in seconds.
    pub seconds: f64,
    /// The result.
    pub end: End,
}

/// The result of a case.
#[derive(Debug, Clone, PartialEq)]
pub enum End {
    /// The case passed, with an optional note.
    Passed(Option<String>),
    /// The response differs.
    Failed {
        /// A one-line summary.
        message: String,
        /// The full description.
        text: String,
    },
    /// The case could not be read.
    Unreadable(String),
}

/// Writes a report.
///
/// # Errors
/// Fails if the report cannot be written.
pub fn write(suites: &[Suite], out: impl Write) -> io::Result<()> {
    let mut xml = Writer::new_with_indent(out, b' ', 2);
    xml.write_event(Event::Decl(BytesDecl::new("1.0", Some("UTF-8"), None)))?;
    let all = || suites.iter().flat_map(|suite| &suite.cases);
    xml.create_element("testsuites")
        .with_attribute(("name", env!("CARGO_PKG_NAME")))
        .with_attributes(totals(all()).iter().map(|(name, value)| (*name, value.as_str())))
        .write_inner_content(|xml| suites.iter().try_for_each(|suite| write_suite(suite, xml)))?;
    let mut out = xml.into_inner();
    out.write_all(b"\n")?;
    out.flush()
}

/// Returns the XML attributes with the totals of these cases.
fn totals<'a>(cases: impl Iterator<Item = &'a TestCase> + Clone) -> [(&'static str, String); 5] {
    let count = |matches: fn(&End) -> bool| cases.clone().filter(|case| matches(&case.end)).count().to_string();
    [
        ("tests", count(|_| true)),
        ("failures", count(|end| matches!(end, End::Failed { .. }))),
        ("errors", count(|end| matches!(end, End::Unreadable(_)))),
        ("skipped", "0".to_owned()),
        ("time", seconds(cases.map(|case| case.seconds).sum())),
    ]
}

fn seconds(seconds: f64) -> String {
    format!("{seconds:.3}")
}

fn write_suite<W: Write>(suite: &Suite, xml: &mut Writer<W>) -> io::Result<()> {
    xml.create_element("testsuite")
        .with_attribute(("name", &*clean(&suite.name)))
        .with_attributes(totals(suite.cases.iter()).iter().map(|(name, value)| (*name, value.as_str())))
        .write_inner_content(|xml| suite.cases.iter().try_for_each(|case| write_case(case, xml)))?;
    Ok(())
}

fn write_case<W: Write>(case: &TestCase, xml: &mut Writer<W>) -> io::Result<()> {
    let element = xml
        .create_element("testcase")
        .with_attribute(("name", &*clean(&case.name)))
        .with_attribute(("classname", &*clean(&case.file)))
        .with_attribute(("file", &*clean(&case.file)))
        .with_attribute(("time", &*seconds(case.seconds)));
    match &case.end {
        End::Passed(None) => element.write_empty()?,
        End::Passed(Some(note)) => element.write_inner_content(|xml| {
            xml.create_element("system-out").write_text_content(BytesText::new(&clean(note))).map(|_| ())
        })?,
        End::Failed { message, text } => element.write_inner_content(|xml| {
            let failure = xml.create_element("failure").with_attribute(("message", &*clean(message)));
            failure.write_text_content(BytesText::new(&clean(text))).map(|_| ())
        })?,
        End::Unreadable(problem) => element.write_inner_content(|xml| {
            let error = xml.create_element("error").with_attribute(("message", &*clean(problem)));
            error.write_empty().map(|_| ())
        })?,
    };
    Ok(())
}

/// Replaces characters that XML does not allow, even escaped, with U+FFFD.
fn clean(text: &str) -> String {
    let is_allowed = |character: char| {
        matches!(character, '\t' | '\n' | '\r') || (character >= ' ' && !matches!(character, '\u{fffe}' | '\u{ffff}'))
    };
    text.chars().map(|character| if is_allowed(character) { character } else { '\u{fffd}' }).collect()
}

#[cfg(test)]
mod tests {
    use quick_xml::Reader;

    use super::*;

    #[test]
    fn a_junit_report_counts_cases_by_result_and_is_valid_xml_for_any_text() {
        let case = |end| TestCase { name: "a<b> & \"c\"\u{1}".to_owned(), file: "f".to_owned(), seconds: 0.25, end };
        let failed = End::Failed { message: "'x'\n]]>".to_owned(), text: "</failure>\u{0}".to_owned() };
        let cases = vec![
            case(End::Passed(None)),
            case(End::Passed(Some("&".to_owned()))),
            case(failed),
            case(End::Unreadable("<".to_owned())),
        ];
        let mut out = Vec::new();
        write(&[Suite { name: "s".to_owned(), cases }, Suite::default()], &mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        let totals = r#"tests="4" failures="1" errors="1" skipped="0" time="1.000""#;
        assert_eq!(text.matches(totals).count(), 2, "{text}");
        let mut reader = Reader::from_str(&text);
        let mut names = Vec::new();
        loop {
            match reader.read_event().unwrap() {
                Event::Eof => break,
                Event::Start(start) | Event::Empty(start) => {
                    for attribute in start.attributes() {
                        attribute.unwrap();
                    }
                    names.push(String::from_utf8(start.name().as_ref().to_vec()).unwrap());
                }
                _ => {}
            }
        }
        let count = |name: &str| names.iter().filter(|other| *other == name).count();
        assert_eq!((count("testcase"), count("failure"), count("error"), count("system-out")), (4, 1, 1, 1));
    }
}
