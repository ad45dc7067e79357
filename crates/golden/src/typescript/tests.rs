use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use super::{Imports, Problem, read, read_with};

fn one(text: &str) -> Result<Value, String> {
    let text = format!("export const data = [{text}];");
    let mut elements = read(&text).map_err(display)?;
    assert_eq!(elements.len(), 1, "{text}");
    elements.remove(0).map(|element| element.value).map_err(display)
}

fn display(problem: Problem) -> String {
    let file = problem.file.display();
    format!(
        "{file}{}{}:{}: {}",
        if problem.file == Path::new("") { "" } else { ":" },
        problem.line,
        problem.column,
        problem.what
    )
}

/// Reads all elements of a file, with problems as text.
pub(super) fn all(text: &str) -> Result<Vec<Result<Value, String>>, String> {
    let elements = read(text).map_err(display)?;
    Ok(elements.into_iter().map(|element| element.map(|element| element.value).map_err(display)).collect())
}

fn values(text: &str) -> Value {
    all(text).unwrap().into_iter().map(Result::unwrap).collect()
}

#[test]
fn a_typescript_file_with_imports_types_constants_and_spreads_is_read() {
    let text = r#"
// A comment, and { brackets ] in it
import { ProcessorTestData } from '../../testTypes';
import type { Destination } from '../../../types';
import './setup';

type Maybe<T> = T | undefined;
interface Shape { a: string; b?: Array<{ c: number }> }
function helper(x: number): string { return `${x}`; }

const secret = 'dummyApiKey', port: string = "9092";
const destination: Partial<Destination> = {
  Config: { topic: 'Test-Topic', port, 'hostName': "localhost", retries: -1, eventToTopicMap: [] as Array<{ from: string, to: string }> },
  ID: `1cCz8hts5rp3`,
  /* a block */ Enabled: true,
} as const;
const metadata = { jobId: 1, nested: { list: ['a', 'b'] } } satisfies Record<string, unknown>;

export const data: ProcessorTestData[] = [
  {
    name: 'kafka',
    1: 'one', 0x10: 'sixteen', 'quoted-key': null, [`computed`]: 1,
    description: `two
lines`,
    body: [{ destination, metadata: { ...metadata, jobId: 2 }, first: metadata.nested.list[0], all: metadata['nested'] }],
    left: undefined,
    holes: [1, , undefined, 3,],
    numbers: [1_000, .5, 5., 1e3, +1, -0.5, NaN, -Infinity],
    secret: (secret), sure: secret!, cast: <string>secret,
  } as unknown as ProcessorTestData,
];
"#;
    let destination = json!({
        "Config": { "topic": "Test-Topic", "port": "9092", "hostName": "localhost", "retries": -1, "eventToTopicMap": [] },
        "ID": "1cCz8hts5rp3",
        "Enabled": true
    });
    let expected = json!([{
        "name": "kafka", "1": "one", "16": "sixteen", "quoted-key": null, "computed": 1,
        "description": "two\nlines",
        "body": [{
            "destination": destination,
            "metadata": { "jobId": 2, "nested": { "list": ["a", "b"] } },
            "first": "a",
            "all": { "list": ["a", "b"] }
        }],
        "holes": [1, null, null, 3],
        "numbers": [1000, 0.5, 5, 1000, 1, -0.5, null, null],
        "secret": "dummyApiKey", "sure": "dummyApiKey", "cast": "dummyApiKey"
    }]);
    assert_eq!(values(text), expected);
    let elements = read(text).unwrap();
    let element = elements[0].as_ref().unwrap();
    assert_eq!((element.line, element.column), (20, 3));
}

#[test]
fn cases_are_found_in_every_supported_form_of_typescript_export() {
    for text in [
        "export const data = [1, 2]",
        "export const data: Array<{a: string, b: (x: number) => void}> = [1, 2] as const",
        "export default [1, 2];",
        "const data = [1, 2]\nexport default data",
        "const cases = [1, 2]\nexport { cases as data }",
        "const cases = [1, 2]; export const data = cases",
        "const one = 1; const more = [2]; export const data = [one, ...more]",
        "const a = [1]\nconst b = [2]\nexport const data = [...a, ...b] satisfies number[]",
        "module.exports = [1, 2]",
        "const data = [1, 2];\nmodule.exports = { data };",
        "module.exports = { other: [0], data: [1, 2] };",
        "exports.data = [1, 2]",
        "module.exports.data = ([1, 2])",
        "export = [1, 2]",
        "export const other = [0], data = [1, 2], more = [3]",
        "let data = [1, 2]",
        "const { a } = require('x')\nexport const data = [1, 2]",
    ] {
        assert_eq!(values(text), json!([1, 2]), "{text}");
    }
}

#[test]
fn an_unsupported_typescript_construct_is_reported_and_fails_only_its_own_case() {
    for (text, expected) in [
        ("{ a: f(1) }", "the call `f(…)`"),
        ("{ a: new Date() }", "`new Date(…)`"),
        ("{ a: JSON.stringify({}) }", "the call `JSON.stringify(…)`"),
        ("{ a: 'x'.repeat(3) }", "the call `.repeat(…)`"),
        ("{ a: `x${{}}y` }", "a value other than text or a number in a template string"),
        ("{ a: tag`x` }", "a tagged template string"),
        ("{ [a]: 1 }", "`a` (not defined in this file)"),
        ("{ [{}]: 1 }", "a computed key"),
        ("{ ['a' + 1]: 1 }", "the operator `+`"),
        ("{ a() { return 1 } }", "a method"),
        ("{ get a() { return 1 } }", "a getter, setter or method"),
        ("{ a: () => 1 }", "a function"),
        ("{ a: x => 1 }", "a function"),
        ("{ a: function () {} }", "a function"),
        ("{ a: class {} }", "a class"),
        ("{ a: /x/g }", "a regular expression"),
        ("{ a: 1 + 1 }", "the operator `+`"),
        ("{ a: true ? 1 : 2 }", "a conditional expression"),
        ("{ a: !0 }", "the operator `!`"),
        ("{ a: -b }", "the operator `-`"),
        ("{ a: typeof 1 }", "`typeof`"),
        ("{ a: 10n }", "a BigInt (which JSON does not have)"),
        ("{ a: 017 }", "a number with a leading zero"),
        ("{ a: '\\u12' }", "an invalid escape sequence"),
        ("{ a: '\\01' }", "an octal escape"),
        ("{ a: Unknown.MEMBER }", "`Unknown` (not defined in this file)"),
        ("{ unknown }", "`unknown` (not defined in this file)"),
        ("{ ...unknown }", "`unknown` (not defined in this file)"),
        ("{ ...[1] }", "a spread of a value that is not an object"),
        ("{ a: [...{}] }", "a spread of a value that is not an array"),
        ("{ __proto__: null }", "a property named `__proto__` (which sets a prototype)"),
        ("{ a: 1 2 }", "a value without a comma before it"),
        ("{ a: , }", "`,` instead of a value"),
        ("{ a: (1, 2) }", "a list of expressions"),
        ("{ #a: 1 }", "the operator `#`"),
    ] {
        let file = format!("export const data = [\n  1,\n  {text},\n  2,\n];");
        let read = all(&file).unwrap_or_else(|problem| panic!("{text}: {problem}"));
        assert_eq!(read.len(), 3, "{text}: {read:?}");
        assert_eq!((&read[0], &read[2]), (&Ok(json!(1)), &Ok(json!(2))), "{text}");
        let problem = read[1].as_ref().expect_err(text);
        assert!(problem.starts_with("3:"), "{text}: {problem}");
        let what = problem.splitn(3, ':').nth(2).unwrap_or_default().trim();
        assert_eq!(
            what,
            format!(
                "{expected} is not supported: only literals, constants, and functions that return them can be read"
            ),
            "{text}"
        );
    }
    assert_eq!(one("{ a: [\n 1,\n  ü, f(), ] }").unwrap_err().split(": ").next(), Some("3:3"));
    assert_eq!(one("{ a 1 }"), Err("1:26: missing colon".to_owned()));
    assert_eq!(one("{ a: {} as }"), Err("1:33: expected a type".to_owned()));
}

#[test]
fn a_typescript_file_without_readable_cases_is_reported_with_line_and_column() {
    for (text, expected) in [
        ("", "1:1: the file exports no `data`"),
        ("const x = 1", "1:1: the file exports no `data`"),
        ("export const data = { a: 1 }", "1:21: the exported object has no `data`"),
        (
            "export const data = f()",
            "1:21: the call `f(…)` is not supported: only literals, constants, and functions that return them can be read",
        ),
        ("export const data = 'x'", "1:21: expected an array, not a string"),
        (
            "export const data = cases",
            "1:21: `cases` (not defined in this file) is not supported: only literals, constants, and functions that return them can be read",
        ),
        (
            "export const data = [1].filter(x => x)",
            "1:24: the call `.filter(…)` is not supported: only literals, constants, and functions that return them can be read",
        ),
        (
            "export const data = [1]\n  .flat()",
            "2:3: the call `.flat(…)` is not supported: only literals, constants, and functions that return them can be read",
        ),
        ("export const data = [1];\ndata.push(2)", "2:1: code in the file uses or changes `data`, but is not executed"),
        ("export const data = [", "1:21: `[` is never closed"),
        ("\u{0}", "1:1: the character U+0000 is not allowed here"),
        ("export const data = data2; const data2 = data", "1:28: this is nested deeper than 100 levels"),
    ] {
        let problem = all(text).expect_err(text);
        if text.contains("data2") {
            assert!(problem.contains("nested deeper than 100 levels"), "{problem}");
        } else {
            assert_eq!(problem, expected, "{text}");
        }
    }
}

struct Files(Vec<(&'static str, String)>);

impl Imports for Files {
    fn text(&mut self, from: &Path, specifier: &str) -> Result<(PathBuf, String), String> {
        let path = from.with_file_name(specifier.trim_start_matches("./"));
        let found = self.0.iter().find(|(name, _)| Path::new(name) == path);
        found.map(|(_, text)| (path, text.clone())).ok_or_else(|| "no such file".to_owned())
    }
}

pub(super) fn with_files(text: &str, files: &[(&'static str, &str)]) -> Vec<Result<Value, String>> {
    let mut imports = Files(files.iter().map(|(name, text)| (*name, (*text).to_owned())).collect());
    let read = read_with(Path::new("data"), text, &mut imports).unwrap();
    read.into_iter().map(|element| element.map(|element| element.value).map_err(display)).collect()
}

#[test]
fn constants_imported_from_other_typescript_files_are_read() {
    let files = [
        (
            "common",
            "export const topic = 'a';\nconst inner = { topic };\nexport { inner as config };\nexport default 7;",
        ),
        (
            "index",
            "export * from './missing';\nexport * from './index';\nexport * from './common';\nexport { topic as alias } from './common';\nexport const bad = f();",
        ),
        ("broken", "const x = ["),
    ];
    let read = |text: &str| with_files(text, &files);
    assert_eq!(
        read(
            "import seven, { topic as t, config } from './common';\nimport * as all from './index';\nexport const data = [t, config.topic, seven, all.topic, all.alias, ...[1]]"
        ),
        [json!("a"), json!("a"), json!(7), json!("a"), json!("a"), json!(1)].map(Ok)
    );
    let problems: Vec<String> = read(
        "import { nope } from './common'; import { bad } from './index'; import { x } from './broken'; import { y } from './gone';\nexport const data = [nope, bad, x, y, all]",
    )
    .into_iter()
    .map(Result::unwrap_err)
    .collect();
    assert_eq!(
        problems,
        [
            "data:2:22: `nope` is imported from \"./common\", which does not export it",
            "index:5:20: the call `f(…)` is not supported: only literals, constants, and functions that return them can be read",
            "broken:1:11: `[` is never closed",
            "data:2:36: `y` is imported from \"./gone\", which cannot be read: no such file",
            "data:2:39: `all` (not defined in this file) is not supported: only literals, constants, and functions that return them can be read",
        ]
    );
    assert_eq!(
        one("x").unwrap_err(),
        "1:22: `x` (not defined in this file) is not supported: only literals, constants, and functions that return them can be read"
    );
    let alone = all("import { x } from './x'; export const data = [x]").unwrap();
    assert_eq!(
        alone,
        [Err("1:47: `x` is imported from \"./x\", which cannot be read: imports are not available".to_owned())]
    );
}

#[test]
fn typescript_nesting_and_repeated_expansion_are_limited() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    assert!(one(&nested(90)).is_ok());
    for levels in [101, 100_000] {
        assert!(one(&nested(levels)).unwrap_err().contains("deeper than 100 levels"));
    }
    assert!(one(&format!("{}1{}", "(".repeat(100_000), ")".repeat(100_000))).is_err());
    assert!(one(&"<a>".repeat(100_000)).is_err());
    assert!(one(&format!("{{ a: {} }}", "-".repeat(100_000))).is_err());
    // A chain of constants, each one level deeper than the one before.
    let mut chain = "const c0 = [];".to_owned();
    let mut names = "c0".to_owned();
    for level in 1..500 {
        chain.push_str(&format!("const c{level} = [c{}];", level - 1));
        names.push_str(&format!(", c{level}"));
    }
    let chained = all(&format!("{chain} export const data = [{names}]")).unwrap();
    assert!(chained[50].is_ok() && chained[400].as_ref().unwrap_err().contains("deeper than 100 levels"));
    // Each constant uses the previous one twice.
    for (open, close) in [("[", "]"), ("{ a: ", " }")] {
        let mut bomb = "const c0 = ['x'];".to_owned();
        for level in 1..40 {
            let last = level - 1;
            let (first, second) = if open == "[" { ("...", ", ...") } else { ("", ", b: ") };
            bomb.push_str(&format!("const c{level} = {open}{first}c{last}{second}c{last}{close};"));
        }
        let grown = all(&format!("{bomb} export const data = [[c39]]")).unwrap();
        assert!(grown[0].as_ref().unwrap_err().contains("too large after repeated values are expanded"), "{open}");
        let spread = all(&format!("{bomb} export const data = [...c39]"));
        assert!(format!("{spread:?}").contains("too "), "{open}");
    }
    assert_eq!(
        all("const a = { b }; const b = { a }; export const data = [a, 1]").unwrap()[0],
        Err("1:30: `a` refers to itself".to_owned())
    );
    // Reading these texts must not take quadratic time.
    for many in
        ["import ", "const ", "export ", "let a ", "<", "1 as A<", "data ", "`${", "/a/ ", "import {a} ", "a.b = "]
    {
        let text = many.repeat(100_000);
        let _ = read(&text);
        let _ = one_or_none(&text);
    }
}

fn one_or_none(text: &str) -> Option<()> {
    read(&format!("export const data = [{text}]")).ok().map(|_| ())
}
