//! The admin API over HTTP: paths, token, JSON and status codes around the engine's answers.
//! What the requests do is decided in `kring-requests`.

use std::sync::Arc;

use axum::body::Bytes;
use axum::extract::rejection::{JsonRejection, QueryRejection};
use axum::extract::{FromRequest, Path, Query, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, get, post, put};
use axum::{Json, Router};
use kring_admin_api::{ErrorBody, LogLevel, error, path};
use kring_requests::{AdminError, AdminRequest, AdminResponse};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::config::node_schema;
use crate::http::ENGINE_ANSWER_MAX;
use crate::inbox::{Inbox, Item};
use crate::logging;
use crate::secrets::Token;

/// Every path of the admin API, behind the token.
pub(crate) fn router(inbox: Arc<Inbox>, token: Token) -> Router {
    Router::new()
        .route(path::IDENTITY, question(AdminRequest::Identity))
        .route(path::HEALTH, question(AdminRequest::Health))
        .route(path::BROKERS, question(AdminRequest::Brokers))
        .route(path::RESTART_CHECK, body_route(AdminRequest::RestartCheck))
        .route(
            path::MAINTENANCE,
            body_route(AdminRequest::Maintenance).get(broker_query(|broker| {
                AdminRequest::MaintenanceStatus { broker }
            })),
        )
        .route(
            path::RETURN_LEADERS,
            body_route(AdminRequest::ReturnLeaders),
        )
        .route(
            path::DECOMMISSION,
            body_route(AdminRequest::Decommission).get(broker_query(|broker| {
                AdminRequest::DecommissionStatus { broker }
            })),
        )
        .route(path::UNREGISTER, body_route(AdminRequest::Unregister))
        .route(
            path::TOPICS,
            body_route(AdminRequest::CreateTopic)
                .get(async |s: Engine| s.ask(AdminRequest::Topics).await),
        )
        .route(
            &format!("{}{{name}}", path::TOPIC),
            get(async |s: Engine, Path(name): Path<String>| {
                s.ask(AdminRequest::Topic { name }).await
            })
            .delete(delete_topic)
            .patch(async |s: Engine, Path(name): Path<String>, Body(change)| {
                s.ask(AdminRequest::AlterTopic { name, change }).await
            }),
        )
        .route(
            &path::TOPIC_GROUPS.replace("{}", "{name}"),
            get(async |s: Engine, Path(name): Path<String>| {
                s.ask(AdminRequest::TopicGroups { name }).await
            }),
        )
        .route(
            path::CONFIG_SCHEMA,
            get(async |s: Engine| s.ask(AdminRequest::ConfigSchema).await),
        )
        .route(
            path::CLUSTER_CONFIG,
            put(async |s: Engine, Body(config)| {
                s.ask(AdminRequest::SetClusterConfig(config)).await
            })
            .get(async |s: Engine| s.ask(AdminRequest::ClusterConfig).await),
        )
        .route(
            path::LOG_LEVEL,
            get(async || log_level()).put(async |Body(wish): Body<LogLevel>| set_log_level(&wish)),
        )
        .fallback(no_such_path)
        .layer(middleware::from_fn_with_state(token, check_token))
        .with_state(inbox)
}

async fn no_such_path() -> Response {
    failure(
        StatusCode::NOT_FOUND,
        error::NOT_FOUND,
        "no such path in version 1 of the admin API",
    )
}

fn log_level() -> Response {
    let level = logging::level();
    Json(LogLevel { level }).into_response()
}

fn set_log_level(wish: &LogLevel) -> Response {
    match logging::set_level(&wish.level) {
        Ok(()) => log_level(),
        Err(why) => failure(StatusCode::UNPROCESSABLE_ENTITY, error::INVALID, &why),
    }
}

/// The way to the engine.
struct Engine(Arc<Inbox>);

impl axum::extract::FromRequestParts<Arc<Inbox>> for Engine {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        _: &mut axum::http::request::Parts,
        inbox: &Arc<Inbox>,
    ) -> Result<Engine, Self::Rejection> {
        Ok(Engine(Arc::clone(inbox)))
    }
}

impl Engine {
    async fn ask(self, request: AdminRequest) -> Response {
        match ask(&self.0, request).await {
            Ok(answer) => success(answer),
            Err(refused) => failure(status_of(refused.error), refused.error, &refused.message),
        }
    }
}

/// Asks the engine and waits for its answer, a bounded time.
pub(crate) async fn ask(inbox: &Inbox, request: AdminRequest) -> Result<AdminResponse, AdminError> {
    let (sender, answer) = oneshot::channel();
    inbox.push(Item::Admin(request, sender));
    match timeout(ENGINE_ANSWER_MAX, answer).await {
        Ok(Ok(answer)) => answer,
        Ok(Err(_)) | Err(_) => Err(AdminError {
            error: error::UNAVAILABLE,
            message: format!(
                "the engine gave no answer within {} s; ask again",
                ENGINE_ANSWER_MAX.as_secs()
            ),
        }),
    }
}

/// A path that always asks the same.
fn question(request: AdminRequest) -> MethodRouter<Arc<Inbox>> {
    get(move |engine: Engine| engine.ask(request.clone()))
}

fn body_route<T: DeserializeOwned + Send + 'static>(
    request: fn(T) -> AdminRequest,
) -> MethodRouter<Arc<Inbox>> {
    post(async move |engine: Engine, Body(body): Body<T>| engine.ask(request(body)).await)
}

#[derive(Deserialize)]
struct BrokerQuery {
    broker: i32,
}

/// `?id=ID`, which may be absent.
#[derive(Deserialize)]
struct TopicQuery {
    id: Option<String>,
}

async fn delete_topic(
    engine: Engine,
    Path(name): Path<String>,
    Query(query): Query<TopicQuery>,
) -> Response {
    let topic_id = query.id;
    engine
        .ask(AdminRequest::DeleteTopic { name, topic_id })
        .await
}

type QueryHandler = std::pin::Pin<Box<dyn Future<Output = Response> + Send>>;

fn broker_query(
    request: fn(i32) -> AdminRequest,
) -> impl Fn(Engine, Result<Query<BrokerQuery>, QueryRejection>) -> QueryHandler
+ Clone
+ Send
+ Sync
+ 'static {
    move |engine, query| {
        Box::pin(async move {
            match query {
                Ok(Query(query)) => engine.ask(request(query.broker)).await,
                Err(error) => failure(
                    StatusCode::BAD_REQUEST,
                    error::BAD_REQUEST,
                    &format!("?broker=N is needed: {error}"),
                ),
            }
        })
    }
}

/// A JSON body; what is wrong with it is said in our own form.
struct Body<T>(T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Response;

    async fn from_request(request: Request, state: &S) -> Result<Body<T>, Response> {
        let wrong =
            |message: String| failure(StatusCode::BAD_REQUEST, error::BAD_REQUEST, &message);
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| wrong(error.to_string()))?;
        Json::<T>::from_bytes(&bytes)
            .map(|Json(body)| Body(body))
            .map_err(|error: JsonRejection| wrong(error.body_text()))
    }
}

async fn check_token(State(token): State<Token>, request: Request, next: Next) -> Response {
    let given = request
        .headers()
        .get(header::AUTHORIZATION)
        .and_then(|value| value.as_bytes().strip_prefix(b"Bearer "));
    if given.is_some_and(|given| token.matches(given)) {
        return next.run(request).await;
    }
    failure(
        StatusCode::UNAUTHORIZED,
        error::UNAUTHORIZED,
        "send Authorization: Bearer with the token of kring.admin.token.file",
    )
}

fn success(answer: AdminResponse) -> Response {
    match answer {
        AdminResponse::Identity(body) => Json(body).into_response(),
        AdminResponse::Health(body) => Json(body).into_response(),
        AdminResponse::Brokers(body) => Json(body).into_response(),
        AdminResponse::RestartCheck(body) => Json(body).into_response(),
        AdminResponse::Maintenance(body) => Json(body).into_response(),
        AdminResponse::ReturnLeaders(body) => Json(body).into_response(),
        AdminResponse::Decommission(body) => Json(body).into_response(),
        AdminResponse::Topics(body) => Json(body).into_response(),
        AdminResponse::Topic(body) => Json(body).into_response(),
        AdminResponse::TopicGroups(body) => Json(body).into_response(),
        AdminResponse::ConfigSchema(mut body) => {
            body.extend(node_schema());
            Json(body).into_response()
        }
        AdminResponse::ClusterConfig(body) => Json(body).into_response(),
        AdminResponse::Done => Json(serde_json::json!({})).into_response(),
    }
}

fn status_of(word: &str) -> StatusCode {
    match word {
        error::UNAUTHORIZED => StatusCode::UNAUTHORIZED,
        error::BAD_REQUEST => StatusCode::BAD_REQUEST,
        error::INVALID => StatusCode::UNPROCESSABLE_ENTITY,
        error::NOT_FOUND => StatusCode::NOT_FOUND,
        error::CONFLICT => StatusCode::CONFLICT,
        _ => StatusCode::SERVICE_UNAVAILABLE,
    }
}

fn failure(status: StatusCode, error: &str, message: &str) -> Response {
    let body = ErrorBody {
        error: error.to_owned(),
        message: message.to_owned(),
    };
    (status, Json(body)).into_response()
}
