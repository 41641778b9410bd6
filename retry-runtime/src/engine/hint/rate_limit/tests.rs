use super::*;
use proptest::prelude::*;

/// 2026-07-07T12:00:00Z.
const NOW: Duration = Duration::from_secs(1_783_425_600);

fn seconds(lines: &[&str]) -> Option<u64> {
    longest_wait(&lines.join(", "), &|| NOW).map(|wait| wait.as_secs())
}

#[test]
fn the_longest_of_the_quotas_that_are_used_up() {
    for (field, wait) in [
        (r#""default";r=0;t=5"#, 5),
        (r#""a";r=0;t=12, "b";r=0;t=3000,"c";r=1;t=9000"#, 3000),
        (r#""a";r=0;t=0"#, 0),
        (r#""a";t=5;r=0"#, 5),
        (r#""a"; r=0;  t=5"#, 5),
        (r#""a";r=0;t=5 	,	 "b";r=1"#, 5),
        (r#""a";r=9;t=9;r=0;t=5"#, 5),
        (r#""a";r=x;r=0;t=5"#, 5),
        (r#""a";q=100;w=60;r=0;t=5;pk=:cGsxMjM=:;u;v=?1;w=1.5;x=@-5;y=%"f%c3%bc";z="s""#, 5),
        (r#""r=1;t=9, \"b\\";r=0;t=5"#, 5),
        ("*default/a:b;r=0;t=5", 5),
        (r#""a";r=0;t=999999999"#, 999_999_999),
        (r#""a";r=0;t=1783425605"#, 5),
        (r#""a";r=0;t=1783425605000"#, 5),
        (r#""a";r=0.0;t=5.0"#, 5),
        (r#""a";t=5"#, 5),
        (r#""a";rr=9;t=5"#, 5),
        (r#""a";r=-1;t=5"#, 5),
        (r#""a";r;t=5"#, 5),
        (r#""a";r=0;t=007"#, 7),
        (r#""a";r=0, "b";r=0;t=5"#, 5),
        (r#""a" ;r=0;t=5"#, 5),
        ("\"a\"\t ;r=0 ; t=5", 5),
        (r#""a ;b" ;r=0;t=5"#, 5),
    ] {
        assert_eq!(seconds(&[field]), Some(wait), "{field}");
    }
    assert_eq!(seconds(&[r#""a";r=0;t=12"#, r#""b";r=0;t=13"#]), Some(13));
}

#[test]
fn no_quota_that_is_used_up_and_renewed() {
    for field in
        ["", " ", r#""a""#, r#""a";r=50;t=30"#, r#""a";r=0"#, r#""a";r=0.5;t=5"#, r#""a";r=0;t=1704067200"#]
    {
        assert_eq!(seconds(&[field]), None, "{field}");
    }
    assert_eq!(seconds(&[]), None);
}

#[test]
fn a_member_that_is_malformed_hides_no_other() {
    for malformed in [
        "default;;r=0;t=x",
        r#""a";r=0;t=-5"#,
        r#""a";r=0;t="5""#,
        r#""a";r=0;t=5s"#,
        r#""a";r=0;t"#,
        r#""a";r=0;t="#,
        r#""a";r=0;t=+5"#,
        r#""a";r=0;t=1e3"#,
        r#""a";r=0;t=0x10"#,
        r#""a";r=0;t=1_000"#,
        r#""a";r =0;t=5"#,
        r#""a";r= 0;t=5"#,
        r#""a";r=0;t=5 "b";r=0;t=5"#,
        r#""a;r=0;t=5"#,
        r#""a\n";r=0;t=5"#,
        r#""ä";r=0;t=5"#,
        "'a';r=0;t=5",
        r#"("a");r=0;t=5"#,
        r#"("a";r=0;t=5)"#,
        "5;r=0;t=5",
        "?1;r=0;t=5",
        ";r=0;t=5",
        "a;r=0;t=5;v=?2",
        "a;r=0;t=5;v=@1.5",
        "a;r=0;t=5;v=:ä:",
        "a;r=0;t=5;v=:a:",
        "a;r=0;t=5;v=:YQ===:",
        r#"a;r=0;t=5;v=%"%C3%BC""#,
        r#"a;r=0;t=5;v=%"%c3""#,
        "a;r=0;t=5;v=1234567890123.4",
        "a;r=0;t=5;v=1.2345",
        "a;r=0;t=5;v=1.",
    ] {
        assert_eq!(seconds(&[malformed]), None, "{malformed}");
        assert_eq!(seconds(&[r#""z";r=0;t=1"#, malformed]), Some(1), "{malformed}");
        assert_eq!(seconds(&[malformed, r#""z";r=0;t=1"#]), Some(1), "{malformed}");
        assert_eq!(seconds(&[r#""x";r=1;t=9"#, malformed, r#""z,z";r=0;t=1"#]), Some(1), "{malformed}");
        assert_eq!(seconds(&[malformed, malformed, r#""z\",";r=0;t=1"#]), Some(1), "{malformed}");
    }
}

#[test]
fn a_quotation_mark_that_is_missing_hides_no_other_member() {
    for (list, wait) in [
        (r#""a;r=0;t=20, "b";r=0;t=40"#, 40),
        (r#""a;r=0;t=20, "b";r=0;t=30, c";r=0;t=40"#, 30),
        (r#""a";r=0;t=50, "b;r=0;t=20, "c";r=0;t=40"#, 50),
        (r#""a;r=0;t=20, "b;r=0;t=30, "c";r=0;t=40"#, 40),
        (r#"a";r=0;t=20, "b";r=0;t=40"#, 40),
        (r#""a;r=0;t=20, "b, c";r=0;t=40"#, 40),
        (r#""a;r=0;t=20, limit=9, remaining=0, reset=40"#, 40),
    ] {
        assert_eq!(seconds(&[list]), Some(wait), "{list}");
    }
}

#[test]
fn lines_are_one_list() {
    assert_eq!(seconds(&[r#""a"#, r#"b";r=0;t=40"#]), Some(40), "a name with a comma");
    assert_eq!(seconds(&[r#""a";r=0;t=20,"#, r#""b";r=0;t=40"#]), Some(40));
    assert_eq!(seconds(&[r#""a;r=0;t=20"#, r#""b";r=0;t=40"#]), Some(40));
    assert_eq!(seconds(&["limit=9", "remaining=1", "reset=40"]), None);
}

#[test]
fn too_many_digits_saturate() {
    for digits in ["1000000000000000", "9999999999999999", "1234567890123456789012345678901234567890"] {
        let wait = seconds(&[&format!("\"a\";r=0;t={digits}")]).unwrap();
        assert!(wait > 900_000_000_000_000, "{digits}: {wait}");
        assert_eq!(seconds(&[&format!("\"a\";r={digits};t=5")]), None, "{digits} are left");
    }
    assert_eq!(seconds(&[r#""1234567890123456" ;r=0;t=5"#]), Some(5), "a name");
}

/// Each member is malformed, and seems to end where the list does.
#[test]
fn a_hostile_list_is_read_in_good_time() {
    let list = format!("\"{}", r#",\""#.repeat(100_000));
    let began = std::time::Instant::now();
    assert_eq!(seconds(&[&list, r#""z";r=0;t=1"#]), Some(1));
    assert!(began.elapsed() < Duration::from_secs(20));
}

proptest! {
    #[test]
    fn never_panics(line in ".{0,60}", pairs in "[a-z;=, 0-9\"\\\\]{0,60}") {
        seconds(&[&line, &pairs]);
        longest_wait_of_pairs(&format!("{line}, {pairs}"), &|| NOW);
    }

    #[test]
    fn the_longest_wait_of_any_list(
        quotas in proptest::collection::vec(
            (
                r#""[a-z,;= ]{0,5}"|[a-z*][a-z0-9/:]{0,5}"#,
                proptest::option::of(0..3u64),
                proptest::option::of(0..1000u64),
                r"(; ?[a-qu-z][a-z]{0,2}(=[0-9]{1,3}|=x|=\?1)?){0,2}",
            ),
            0..4,
        ),
        comma in "[ \t]?,[ \t]?",
    ) {
        let number = |key, number: Option<u64>| number.map(|n| format!(";{key}={n}")).unwrap_or_default();
        let members: Vec<_> = quotas
            .iter()
            .map(|(name, r, t, others)| format!("{name}{others}{}{}", number("r", *r), number("t", *t)))
            .collect();
        let used_up = quotas.iter().filter(|(_, remaining, ..)| remaining.is_none_or(|count| count == 0));
        let expected = used_up.filter_map(|(_, _, until_reset, _)| *until_reset).max();
        prop_assert_eq!(seconds(&[&members.join(&comma)]), expected, "{:?}", members);
    }
}

#[test]
fn the_dictionary_of_draft_07() {
    for (lines, wait) in [
        (&["limit=100, remaining=0, reset=20"][..], Some(20)),
        (&["limit=100, remaining=3, reset=20"], None),
        (&["limit=100, reset=20"], Some(20)),
        (&["reset=20, limit=100, remaining=3"], None),
        (&["limit=100,remaining=0,reset=20"], Some(20)),
        (&["limit=100;w=60, remaining=0, reset=20;comment=\"a\""], Some(20)),
        (&["limit=100, remaining=0", "reset=20"], Some(20)),
        (&["limit=9, remaining=0, reset=20, limit=9, remaining=1, reset=30"], Some(20)),
        (&["limit=9, remaining=0, reset=20", "limit=9, remaining=0, reset=30"], Some(30)),
        (&["limit=9, remaining=0, reset=1783425605"], Some(5)),
        (&["limit=9, remaining=0, reset=soon"], None),
        (&["limit=9, remaining=0, reset=-20"], None),
        (&["limit=9, remaining=-1, reset=20"], Some(20)),
        (&["limit=9, remaining=0"], None),
        (&["\"a\";r=0;t=5", "limit=9, remaining=0, reset=3"], Some(5)),
    ] {
        assert_eq!(seconds(lines), wait, "{lines:?}");
    }
}

#[test]
fn pairs_between_semicolons() {
    let seconds = |line| longest_wait_of_pairs(line, &|| NOW).map(|wait| wait.as_secs());
    assert_eq!(seconds("total=100; remaining=0; resets=41"), Some(41));
    assert_eq!(seconds("total=100; remaining=99; resets=41"), None);
    assert_eq!(seconds("41"), None);
}

#[test]
fn the_spaces_before_parameters_are_removed_and_those_in_strings_are_not() {
    for (member, expected) in [
        (r#""a ;b" ;r=0 ; t=5"#, r#""a ;b";r=0; t=5"#),
        (r#""a\" ;b" ;r=0"#, r#""a\" ;b";r=0"#),
        (r#""a\\" ;r=0"#, r#""a\\";r=0"#),
        (r#"\"a ;b" ;r=0"#, r#"\"a ;b";r=0"#),
    ] {
        assert_eq!(mended(member), expected, "{member}");
    }
}

#[test]
fn a_member_ends_at_a_comma_that_no_string_has() {
    for (list, expected) in [
        (r#""a,b",c"#, Some(5)),
        (r#""a,b""#, None),
        (r#""a\",b",c"#, Some(7)),
        (r#"\"a,b",c"#, Some(6)),
        (r#""a,b"#, Some(2)),
    ] {
        assert_eq!(end_of_member(list), expected, "{list}");
    }
    // What is too long to be one member ends at the first comma.
    let list = |length: usize| format!("\"a,b\"{}", "c".repeat(length - 5));
    assert_eq!(end_of_member(&list(LONGEST_MEMBER)), None);
    assert_eq!(end_of_member(&list(LONGEST_MEMBER + 1)), Some(2));
}

#[test]
fn only_what_remains_says_that_nothing_does() {
    assert!(says_nothing_remains("limit=9, remaining=0") && says_nothing_remains("\"a\";R=0;t=5"));
    assert!(!says_nothing_remains("limit=0, remaining=5") && !says_nothing_remains("limit=9, reset=0"));
}

#[test]
fn a_limit_that_comes_again_begins_another_quota() {
    assert_eq!(seconds(&["limit=9, reset=20, limit=9, remaining=1"]), Some(20));
    assert_eq!(seconds(&["reset=20, limit=9, remaining=1"]), None, "it is the first");
}
