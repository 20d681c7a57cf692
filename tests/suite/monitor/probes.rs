//! Health probes against a small service.

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use gonogo::monitor::{Monitor, MonitorConfig, Probe, ProbeSample, Sample};
use tokio::net::TcpListener;
use tokio::sync::mpsc;

/// A service whose `/health` answers with the status it is told, and whose `/slow` never answers.
async fn service(status: Arc<AtomicU16>) -> String {
    let health = get(move || async move {
        let status = StatusCode::from_u16(status.load(Ordering::Relaxed)).unwrap();
        (
            status,
            Json(serde_json::json!({"status": "up", "version": "2.4.1"})),
        )
    });
    let router = Router::new()
        .route("/health", health)
        .route(
            "/moved",
            get(|| async { (StatusCode::FOUND, [("location", "/health")]) }),
        )
        .route("/slow", get(std::future::pending::<()>));
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    address
}

fn watch(probes: Vec<Probe>) -> (Monitor, mpsc::Receiver<Sample>) {
    let (sender, samples) = mpsc::channel(64);
    let config = MonitorConfig {
        run: "r1".to_owned(),
        probes,
        ..MonitorConfig::default()
    };
    (Monitor::start(config, sender), samples)
}

fn probe(url: &str) -> Probe {
    Probe::new("engine", url, 100, 300, 200).unwrap()
}

async fn until(
    samples: &mut mpsc::Receiver<Sample>,
    is: impl Fn(&ProbeSample) -> bool,
) -> ProbeSample {
    let wait = async {
        loop {
            match samples.recv().await.unwrap() {
                Sample::Probe(sample) if is(&sample) => return sample,
                _ => {}
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(20), wait)
        .await
        .unwrap()
}

#[tokio::test]
async fn a_service_is_healthy_while_it_answers_as_expected() {
    let status = Arc::new(AtomicU16::new(200));
    let address = service(Arc::clone(&status)).await;
    let (_monitor, mut samples) = watch(vec![probe(&format!("{address}/health"))]);

    let first = until(&mut samples, |_| true).await;
    assert!(first.healthy, "{first:?}");
    assert_eq!((first.status, first.error), (Some(200), None));
    assert_eq!(first.version.as_deref(), Some("2.4.1"));
    assert!(first.latency_ms > 0.0);
    let second = until(&mut samples, |_| true).await;
    assert_eq!(second.since, first.since, "nothing has changed");

    status.store(503, Ordering::Relaxed);
    let down = until(&mut samples, |sample| !sample.healthy).await;
    assert_eq!(down.status, Some(503));
    assert_eq!(down.error.as_deref(), Some("answered 503, expected 200"));
    assert!(down.since > first.since);

    status.store(200, Ordering::Relaxed);
    let up = until(&mut samples, |sample| sample.healthy).await;
    assert!(up.since > down.since);
}

#[tokio::test]
async fn a_service_that_does_not_answer_times_out() {
    let address = service(Arc::new(AtomicU16::new(200))).await;
    let (_monitor, mut samples) = watch(vec![probe(&format!("{address}/slow"))]);
    let sample = until(&mut samples, |_| true).await;
    assert!(!sample.healthy);
    assert_eq!(sample.status, None);
    assert_eq!(sample.error.as_deref(), Some("timed out after 0.3s"));
    assert!(sample.latency_ms >= 290.0);
}

#[tokio::test]
async fn a_service_that_is_not_there_refuses() {
    let port = {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        free.local_addr().unwrap().port()
    };
    let (_monitor, mut samples) = watch(vec![probe(&format!("http://127.0.0.1:{port}/health"))]);
    let sample = until(&mut samples, |_| true).await;
    assert_eq!(sample.error.as_deref(), Some("connection refused"));
}

#[tokio::test]
async fn a_connection_that_is_dropped_is_said() {
    let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
    let url = format!("http://{}/health", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(stream);
        }
    });
    let (_monitor, mut samples) = watch(vec![probe(&url)]);
    let sample = until(&mut samples, |_| true).await;
    assert_eq!(
        sample.error.as_deref(),
        Some("connection closed without an answer")
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let address = service(Arc::new(AtomicU16::new(200))).await;
    let (_monitor, mut samples) = watch(vec![probe(&format!("{address}/moved"))]);
    let sample = until(&mut samples, |_| true).await;
    assert_eq!(sample.error.as_deref(), Some("answered 302, expected 200"));
}
