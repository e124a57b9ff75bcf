//! The page as a browser would take it apart.

use super::*;
use crate::plain_text::is_control;
use crate::result::samples::{changed_and_invented, failing, hostile, passing};
use crate::result::timeline::TimelinePoint;

/// The names of all elements that a page opens.
fn elements(page: &str) -> std::collections::BTreeSet<String> {
    let opened = page.split('<').skip(1).filter(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic()));
    opened.map(|rest| rest.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()).collect()
}

#[test]
fn the_page_of_a_failure() {
    insta::assert_snapshot!(html(&failing()).unwrap());
}

#[test]
fn all_findings_of_a_limit_are_on_its_card() {
    let page = html(&changed_and_invented()).unwrap();
    let cards: Vec<&str> =
        page.split("<section").skip(1).map(|rest| rest.split("</section>").next().unwrap()).collect();
    assert_eq!(cards.len(), 2);
    assert!(cards[0].contains("Found: <strong>35</strong>") && cards[1].contains("Found: <strong>12</strong>"));
    for first in ["<p>14: these arrived", "<p>6: these arrived", "<p>1: these arrived"] {
        assert!(cards[0].contains(first), "{}", cards[0]);
    }
}

#[test]
fn every_figure_of_the_result_is_on_the_page() {
    let result = failing();
    let page = html(&result).unwrap();
    for row in
        [rows(&result.ledger), rows(&result.driver), rows(&result.sink), rows(&result.target), rows(&result.machine)]
            .concat()
    {
        assert!(page.contains(&row.value), "{row:?}");
    }
}

#[test]
fn the_page_loads_nothing_and_runs_nothing() {
    let page = html(&failing()).unwrap();
    assert!(
        page.contains(
            r#"content="default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'""#
        )
    );
    for forbidden in
        ["<script", "<iframe", "<link", "<img", "http://", "https://", "url(", "@import", "onload", "javascript:"]
    {
        assert!(!page.contains(forbidden), "{forbidden}");
    }
}

#[test]
fn hostile_text_adds_no_element_and_leaves_no_attribute() {
    let page = html(&hostile()).unwrap();
    assert_eq!(elements(&page), elements(&html(&failing()).unwrap()));
    assert!(page.contains("&#60;script&#62;alert(1)&#60;/script&#62;"));
    assert_eq!(page.chars().filter(|c| *c != '\n' && is_control(*c)).count(), 0);
    assert!(!page.contains("&amp;\"'*"), "quotes are escaped as well");
}

#[test]
fn withheld_figures_are_nowhere_on_the_page() {
    let mut result = passing();
    result.withhold_times("the driver was the limit");
    result.limits.clear();
    let page = html(&result).unwrap();
    assert!(page.contains("withheld: the driver was the limit") && !page.contains("248 ms") && !page.contains("p99.9"));
}

#[test]
fn a_timeline_that_cannot_be_drawn_is_left_out() {
    for points in
        [vec![], vec![TimelinePoint::default()], vec![TimelinePoint { sent: 5, ..TimelinePoint::default() }; 3]]
    {
        let mut result = passing();
        result.timeline.as_mut().unwrap().points = points;
        assert!(!html(&result).unwrap().contains("<svg"));
    }
}
