//! Without TLS.

use std::path::Path;

use hyper_util::client::legacy::connect::HttpConnector;

pub(crate) type Connector = HttpConnector;

/// A connector for `http` alone.
pub(crate) fn connector(https: bool, ca: Option<&Path>) -> Result<Connector, String> {
    if https || ca.is_some() {
        return Err("this build speaks no TLS, so that it compiles sooner. For https, run the same with\n       \
             cargo run --release -p batch -- ..."
            .to_owned());
    }
    Ok(super::tcp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_example_says_which_program_speaks_tls() {
        let error = connector(true, None).expect_err("no TLS");
        assert!(error.contains("cargo run --release -p batch"), "{error}");
        assert!(connector(false, Some(Path::new("ca.pem"))).is_err());
        assert!(connector(false, None).is_ok());
    }
}
