use super::*;
use std::collections::HashSet;

#[test]
fn every_name_is_a_header_in_lower_case_and_stands_once() {
    let mut names = HashSet::new();
    for vendor in QUOTAS {
        assert!(names.insert(vendor.header), "{}", vendor.header);
        let name = HeaderName::from_static(vendor.header);
        assert_eq!(find(&name).unwrap().header, vendor.header);
        assert_ne!(vendor.remaining, Some(vendor.header));
        if let Some(remaining) = vendor.remaining {
            HeaderName::from_static(remaining);
        }
    }
    for header in RETRY_AFTER_MS {
        assert!(names.insert(header), "{header}");
    }
}

#[test]
fn no_header_of_the_table_is_passed_over() {
    for header in QUOTAS.iter().map(|vendor| vendor.header).chain(RETRY_AFTER_MS).chain(["retry-after"]) {
        assert!(is_perhaps_listed(&HeaderName::from_static(header)), "{header}");
    }
}

#[test]
fn what_most_responses_have_is_passed_over() {
    for header in [
        "age",
        "cache-control",
        "cf-ray",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "date",
        "etag",
        "referrer-policy",
        "server",
        "set-cookie",
        "strict-transport-security",
        "transfer-encoding",
        "vary",
        "via",
        "x-cache",
        "x-content-type-options",
        "x-frame-options",
        "x-powered-by",
        "x-request-id",
    ] {
        assert!(!is_perhaps_listed(&HeaderName::from_static(header)), "{header}");
    }
}

#[test]
fn a_name_that_ends_in_ms_is_in_milliseconds() {
    for vendor in QUOTAS {
        if vendor.header.ends_with("-ms") {
            assert_eq!(vendor.form, Milliseconds, "{}", vendor.header);
        }
    }
}

#[test]
fn what_is_left_of_a_quota_of_anthropic_stands_beside_its_reset() {
    let quotas: Vec<_> =
        QUOTAS.into_iter().filter(|vendor| vendor.header.starts_with("anthropic-")).collect();
    assert_eq!(quotas.len(), 11);
    for vendor in quotas {
        let quota = vendor.header.strip_suffix("-reset").unwrap();
        let word = if quota.contains("unified") { "status" } else { "remaining" };
        assert_eq!(vendor.remaining, Some(&*format!("{quota}-{word}")), "{quota}");
    }
}
