//! Texts beside their snapshots, for tests.

/// Holds `text` against `snapshots/NAME.snap`. After a change that is meant, `INSTA_UPDATE=always cargo test` accepts it.
pub fn assert(name: &str, text: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, text));
}
