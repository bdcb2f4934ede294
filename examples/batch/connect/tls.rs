//! With TLS, by rustls.

use std::path::Path;

use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::connect::HttpConnector;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};

pub(crate) type Connector = HttpsConnector<HttpConnector>;

/// A connector for `http` and `https`. The system's certificates are read only if they are needed.
///
/// It speaks HTTP/1.1. Over HTTP/2 all requests would share one connection, and the server's bound on its streams
/// would hold them back where the gate does not see it.
pub(crate) fn connector(https: bool, ca: Option<&Path>) -> Result<Connector, String> {
    let mut roots = RootCertStore::empty();
    if https {
        let system = rustls_native_certs::load_native_certs();
        roots.add_parsable_certificates(system.certs);
    }
    if let Some(path) = ca {
        add(&mut roots, path).map_err(|error| format!("--ca {}: {error}", path.display()))?;
    }
    if https && roots.is_empty() {
        return Err(
            "the system has no root certificates; name a file of them with --ca".to_owned(),
        );
    }
    let provider = rustls::crypto::ring::default_provider();
    let config = ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .map_err(|error| error.to_string())?
        .with_root_certificates(roots)
        .with_no_client_auth();
    let mut tcp = super::tcp();
    tcp.enforce_http(false);
    Ok(HttpsConnectorBuilder::new()
        .with_tls_config(config)
        .https_or_http()
        .enable_http1()
        .wrap_connector(tcp))
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    let certificates = CertificateDer::pem_file_iter(path).map_err(|error| error.to_string())?;
    let mut added = 0;
    for certificate in certificates {
        let certificate = certificate.map_err(|error| error.to_string())?;
        roots.add(certificate).map_err(|error| error.to_string())?;
        added += 1;
    }
    match added {
        0 => Err("holds no certificate in PEM".to_owned()),
        _ => Ok(()),
    }
}
