//! The service with additional routes below `/echo`. These routes read a request body as the other routes do, and
//! return its bytes. Their throughput is the upper limit of this HTTP stack. They run in the same process and with the
//! same settings as the transformation, so that the two can be compared: `cargo run --release --example echo`.

use std::process::ExitCode;

use actix_web::web::{self, Data, Payload, ServiceConfig};
use actix_web::{HttpRequest, HttpResponse};
use clap::Parser;
use rudder_kafka_transformer::server::http::error::RequestError;
use rudder_kafka_transformer::server::http::headers::{API_VERSION, JSON};
use rudder_kafka_transformer::server::routes::transform::Transformation;
use rudder_kafka_transformer::server::settings::Settings;
use rudder_kafka_transformer::server::{Listeners, run_with};

#[derive(Parser)]
struct Arguments {
    #[command(flatten)]
    settings: Settings,
}

async fn echo(
    request: HttpRequest,
    payload: Payload,
    service: Data<Transformation>,
) -> Result<HttpResponse, RequestError> {
    let body = service.bodies.collect(&request, payload).await?.decode()?;
    Ok(HttpResponse::Ok().insert_header(JSON).insert_header(API_VERSION).body(body.bytes))
}

fn echo_route(config: &mut ServiceConfig) {
    config.route("/echo{path:.*}", web::post().to(echo));
}

fn main() -> ExitCode {
    let settings = Arguments::parse().settings;
    let served = actix_web::rt::System::new().block_on(async {
        let listeners = Listeners::bind(&settings)?;
        // Runs until a benchmark kills it.
        let never = std::future::pending::<std::future::Ready<()>>();
        run_with(&settings, listeners, never, echo_route).await.map_err(|error| error.to_string())
    });
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}
