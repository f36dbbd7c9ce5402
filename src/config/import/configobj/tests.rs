//! The rows were tried with the reader of `rns` 1.5.7.

use super::*;

/// The value of `k` in section `a`.
fn read(text: &str) -> Value {
    parse(text).unwrap().section("a").unwrap().value("k").unwrap().clone()
}

#[test]
fn values_are_texts_or_lists() {
    let texts = [
        ("k = ab#cd", "ab"),
        ("k = a ; b", "a ; b"),
        ("k = 'a, b'", "a, b"),
        ("k = \"a#b\" # c", "a#b"),
        ("k = 'x'#c", "x"),
        ("k = '#'", "#"),
        ("k = ''", ""),
        ("k =", ""),
        ("k = # c", ""),
        ("k = eq=a=b", "eq=a=b"),
        ("k=50%", "50%"),
        ("k = it's", "it's"),
        ("k = 'it''s'", "it''s"),
        ("k = 'a\"b'", "a\"b"),
        ("k = sh -c \"a b\"", "sh -c \"a b\""),
        ("k = \\x", "\\x"),
        ("k = \"\"\"one\"\"\"", "one"),
        ("k = '''x # y'''", "x # y"),
        ("k = '''multi\n  line'''", "multi\n  line"),
        ("k = \"\"\"x\ny\"\"\" # c", "x\ny"),
        ("  \t k = 1", "1"),
        ("'k' = 1", "1"),
        ("# k = 2\n\n k=1\r", "1"),
    ];
    for (line, text) in texts {
        assert_eq!(read(&format!("[a]\n{line}\n")), Value::Text(text.to_owned()), "{line}");
    }
    let lists: [(&str, &[&str]); 10] = [
        ("k = a, b", &["a", "b"]),
        ("k = x,", &["x"]),
        ("k = ,", &[]),
        ("k= a , ", &["a"]),
        ("k = a, b # c", &["a", "b"]),
        ("k = 'a', b", &["a", "b"]),
        ("k = 'a','b'", &["a", "b"]),
        ("k = 'a', # c", &["a"]),
        ("k = a, 'b,c', d", &["a", "b,c", "d"]),
        ("k = 'a, b', 'c'", &["a, b", "c"]),
    ];
    for (line, items) in lists {
        let items = items.iter().map(|item| (*item).to_owned()).collect();
        assert_eq!(read(&format!("[a]\n{line}\n")), Value::List(items), "{line}");
    }
}

#[test]
fn sections_nest_by_brackets_alone() {
    let root =
        parse("top = 0\n[a]\n[[b]]\nk=1\n   [[c]]\nk=2\n [d]  # comment\nk=3\n[ 'e # f' ]\nk=4\n").unwrap();
    let key = |section: &Section| section.value("k").cloned();
    let text = |text: &str| Some(Value::Text(text.to_owned()));
    assert_eq!(root.value("top").cloned(), text("0"));
    let a = root.section("a").unwrap();
    assert_eq!((key(a.section("b").unwrap()), key(a.section("c").unwrap())), (text("1"), text("2")));
    assert_eq!(
        (key(root.section("d").unwrap()), key(root.section("e # f").unwrap())),
        (text("3"), text("4"))
    );
    assert!(parse("\u{feff}[a#b]\n").unwrap().section("a#b").is_some());
    assert!(parse("[ a b ]\n[[c]]\n[[[d]]]\n").unwrap().section("a b").unwrap().section("c").is_some());
}

#[test]
fn what_cannot_be_read_is_told_with_its_line() {
    let rows = [
        ("[a]\nk\n", 2, SyntaxProblem::Line),
        ("; semicolon\n", 1, SyntaxProblem::Line),
        ("[a]\nk: 1\n", 2, SyntaxProblem::Line),
        ("[a]\n'k = 1\n", 2, SyntaxProblem::Line),
        ("[]\n", 1, SyntaxProblem::Line),
        ("[a] x\n", 1, SyntaxProblem::Line),
        ("[a\n", 1, SyntaxProblem::Line),
        ("[a]]\n", 1, SyntaxProblem::Nesting),
        ("[a]\n[[b]\n", 2, SyntaxProblem::Nesting),
        ("[a]\n[[[c]]]\n", 2, SyntaxProblem::Nesting),
        ("[[b]]\n", 1, SyntaxProblem::Nesting),
        ("[a]\nk=1\nk=2\n", 3, SyntaxProblem::Duplicate),
        ("[a]\n[a]\n", 2, SyntaxProblem::Duplicate),
        ("[a]\n[[b]]\n[a]\n", 3, SyntaxProblem::Duplicate),
        ("[a]\nb = 1\n[[b]]\n", 3, SyntaxProblem::Duplicate),
        ("[a]\nk = 'unclosed\n", 2, SyntaxProblem::Value),
        ("[a]\nk = \"a\" b\n", 2, SyntaxProblem::Value),
        ("[a]\nk = a,,b\n", 2, SyntaxProblem::Value),
        ("[a]\nk = , a\n", 2, SyntaxProblem::Value),
        ("[a]\nk = '''a\nb\n", 2, SyntaxProblem::Value),
        ("[a]\nk = '''a''' x\n", 2, SyntaxProblem::Value),
    ];
    for (text, line, problem) in rows {
        assert_eq!(parse(text), Err(SyntaxError { line, problem }), "{text}");
    }
}

/// `k` of section `a`, or of `b` in it, substituted.
fn substituted(text: &str) -> Result<String, SubstitutionError> {
    let root = parse(text).unwrap();
    let a = root.section("a").unwrap();
    let path: Vec<&Section> = [&root, a].into_iter().chain(a.section("b")).collect();
    match path.last().unwrap().value("k").unwrap() {
        Value::Text(text) => substitute(&path, text),
        Value::List(_) => panic!("{text}"),
    }
}

#[test]
fn a_name_stands_for_the_nearest_value() {
    let rows = [
        ("[a]\nn = x\nk = %(n)s-y\n", Ok("x-y")),
        ("n = x\n[a]\nk = %(n)s\n", Ok("x")),
        ("[a]\nn=1\n[[b]]\nk = %(n)s\n", Ok("1")),
        ("n=1\n[a]\nn=2\n[[b]]\nn=3\nk = %(n)s\n", Ok("3")),
        ("[a]\nn=%(m)s\nm=2\nk=%(n)s\n", Ok("2")),
        ("[a]\nk=%%(n)s\nn=1\n", Ok("%1")),
        ("[a]\nk=50% %(n) 100%\n", Ok("50% %(n) 100%")),
        ("[a]\nn='q,r'\nk = %(n)s\n", Ok("q,r")),
        ("[DEFAULT]\nn=7\n[a]\nk=%(n)s\n", Ok("7")),
        ("[a]\n[[DEFAULT]]\nn=7\n[[b]]\nk=%(n)s\n", Ok("7")),
        ("[a]\nk = $n\n", Ok("$n")),
        ("[a]\nk = %(zz)s\n", Err(SubstitutionError::Missing)),
        ("[a]\nn=1\nk = %(N)s\n", Err(SubstitutionError::Missing)),
        ("[a]\nn=q,r\nk = %(n)s\n", Err(SubstitutionError::List)),
        ("[a]\nk=%(k)s\n", Err(SubstitutionError::Endless)),
        ("[a]\nk=%(y)s\ny=%(k)s\n", Err(SubstitutionError::Endless)),
    ];
    for (text, expected) in rows {
        assert_eq!(substituted(text), expected.map(str::to_owned), "{text}");
    }
}

#[test]
fn what_doubles_at_each_step_is_given_up() {
    let mut text = String::from("[a]\nk = %(x0)s\nx40 = ''\n");
    for step in 0..40 {
        text.push_str(&format!("x{step} = %(x{})s%(x{})s\n", step + 1, step + 1));
    }
    assert_eq!(substituted(&text), Err(SubstitutionError::Endless));
}
