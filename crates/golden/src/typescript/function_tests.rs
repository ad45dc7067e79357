//! Tests of functions, enums, and values built from them.

use serde_json::{Value, json};

use super::limits::BASE_COST;
use super::read;
use super::tests::{all, with_files};

/// Evaluates a file of cases that imports a file of helpers.
fn with_helpers(helpers: &str, cases: &str) -> Vec<Result<Value, String>> {
    with_files(
        &format!("import {{ make, base, Kind }} from './helpers';\nimport * as all from './helpers';\n{cases}"),
        &[("helpers", helpers)],
    )
}

#[test]
fn typescript_functions_that_return_literals_are_evaluated() {
    let expected = json!([{ "jobId": 1, "id": "base/u-1", "list": [1, "x"], "sourceType": "web" }]);
    for make in [
        "export const make = (n, extra = {}) => ({ jobId: n, id: `${base}/u-${n}`, list: [n, 'x'], ...extra });",
        "export function make(n: number, extra: Record<string, unknown> = {}): Metadata { const id = `${base}/u-${n}`; return { jobId: n, id, list: [n, 'x'], ...extra } as const; }",
        "export const make = <T extends object>(n: number, extra?: T): Partial<Metadata> => { const jobId = n, list = [n, 'x'] as const; return { jobId, id: `${base}/u-${n}`, list, ...extra }; };",
        "export const make = function (n: number, { sourceType, ...rest }: { sourceType: string } = { sourceType: 'web' }) { return { jobId: n, id: [base, 'u'].map((part) => `${part}`)[0] , list: [n, 'x'], sourceType, ...rest } satisfies object };",
        "function inner(n: number): A;\nfunction inner(n: string): A;\nfunction inner(n) { return { jobId: n, id: `${base}/u-${n}`, list: [n, 'x'] } }\nconst alias = inner;\nexport const make = (n: number, ...more: object[]): A => Object.assign(alias(n), { sourceType: 'no' }, ...more);",
    ] {
        let helpers = format!("export const base = 'base';\n{make}");
        for call in [
            "make(1, { sourceType: 'web' })",
            "all.make(1, { sourceType: 'web' })",
            "make<Meta>(1, Object.freeze({ sourceType: 'web' }))",
        ] {
            let read = with_helpers(&helpers, &format!("export const data = [{{ ...{call} }}];"));
            let mut read: Value = read.into_iter().map(|value| value.expect(make)).collect();
            if make.contains("[base, 'u']") {
                read[0]["id"] = json!("base/u-1");
            }
            assert_eq!(read, expected, "{make} {call}");
        }
    }
}

#[test]
fn typescript_cases_built_by_functions_enums_and_map_calls_are_read() {
    let helpers = "export const base = 'b';\nexport enum Kind { A = 'a', B = 'b', C = 7, D }\nexport const make = (kind: Kind, n = 2) => [{ kind, n }];";
    for (cases, expected) in [
        ("export const data = make(Kind.A);", json!([{ "kind": "a", "n": 2 }])),
        (
            "export const data = [...make(Kind.D, 1), ...make('x')];",
            json!([{ "kind": 8, "n": 1 }, { "kind": "x", "n": 2 }]),
        ),
        (
            "export const data = ['p', 'q'].map((name, index) => ({ name, index, base }));",
            json!([{ "name": "p", "index": 0, "base": "b" }, { "name": "q", "index": 1, "base": "b" }]),
        ),
        (
            "const list = [1, 2];\nexport const data = list.map((n) => make(Kind.B, n)[0]);",
            json!([{ "kind": "b", "n": 1 }, { "kind": "b", "n": 2 }]),
        ),
        (
            "export const data = [{ [Kind.A]: 1, [`k-${base}`]: [[1, 2], [3]].map(([a, b = 9]) => ({ a, b })) }];",
            json!([{ "a": 1, "k-b": [{ "a": 1, "b": 2 }, { "a": 3, "b": 9 }] }]),
        ),
        ("const f = (base) => g();\nconst g = () => base;\nexport const data = [f('other')];", json!(["b"])),
    ] {
        let read: Value = with_helpers(helpers, cases).into_iter().map(|value| value.expect(cases)).collect();
        assert_eq!(read, expected, "{cases}");
    }
}

#[test]
fn an_unsupported_typescript_function_fails_only_the_case_that_calls_it() {
    for (make, problem) in [
        ("() => { if (x) { return 1 } return 2 }", "a statement other than `const` and `return`"),
        ("() => { let a; return a }", "a variable without a value"),
        ("async () => 1", "the call `make(…)`"),
        ("class { }", "the call `make(…)`"),
        ("(a) => a + 1", "the operator `+`"),
        ("({ a }) => a", "destructuring of a value that is not an object"),
        ("() => make()", "this is nested deeper than 100 levels"),
    ] {
        let text = format!("const make = {make};\nexport const data = [1, make(1), 2];");
        let read = all(&text).unwrap();
        assert_eq!((&read[0], &read[2]), (&Ok(json!(1)), &Ok(json!(2))), "{text}");
        let error = read[1].as_ref().expect_err(&text);
        assert!(error.contains(problem), "{text}: {error}");
    }
}

#[test]
fn typescript_constants_that_expand_exponentially_are_reported_as_one_problem() {
    for (first, step, cases) in [
        ("[{ name: 'n', a: 1 }]", "[...a, ...a]", "a"),
        ("[{ name: 'n', a: 1 }]", "[...a, ...a]", "[a]"),
        ("{ v: [1] }", "{ v: [a, a] }", "[a]"),
        ("(x) => [x, x]", "(x) => [a(x), a(x)]", "a(1)"),
        ("'text'", "`${a}${a}`", "[a]"),
    ] {
        let mut text = format!("const a0 = {first};\n");
        for line in 1..40 {
            let before = format!("a{}", line - 1);
            let step = step.replace("a(", &format!("{before}(")).replace("...a", &format!("...{before}"));
            let step =
                step.replace("[a, a]", &format!("[{before}, {before}]")).replace("${a}", &format!("${{{before}}}"));
            text.push_str(&format!("const a{line} = {step};\n"));
        }
        text.push_str(&format!("export const data = {};", cases.replace('a', "a39")));
        let (cases, problems) = match read(&text) {
            Ok(read) => {
                (read.iter().filter(|case| case.is_ok()).count(), read.iter().filter(|case| case.is_err()).count())
            }
            Err(problem) => {
                assert!(
                    problem.what.contains("too large after repeated values are expanded")
                        || problem.what.contains("levels"),
                    "{}",
                    problem.what
                );
                (0, 1)
            }
        };
        assert!(cases < BASE_COST && problems == 1, "{text}: {cases} cases, {problems} problems");
    }
}
