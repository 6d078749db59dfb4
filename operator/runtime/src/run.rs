//! The life of the process: connect, serve probes, wait for definitions and lease, work, stop.
//! On the way out, reconciles are finished before the lease is given back.

use std::sync::Arc;

use futures::future::join_all;
use kring_admin_client::Http;
use kring_reconcile::{Context, Options};
use kube::Client;

use crate::args::Args;
use crate::error::Error;
use crate::lease::Lease;
use crate::metrics::Metrics;
use crate::probes::{self, Pages};
use crate::shutdown::Shutdown;
use crate::state::{Stage, State};
use crate::{definitions, watch};

/// Runs until told to stop.
pub(crate) async fn run(args: Args) -> Result<(), Error> {
    let shutdown = Shutdown::on_signal().map_err(Error::Runtime)?;
    let client = Client::try_default().await?;
    let namespaces = namespaces(&args);
    let context = Arc::new(context(client.clone(), &args));
    let metrics = Arc::new(Metrics::default());
    let state = Arc::new(State::new());
    let pages = Pages {
        state: Arc::clone(&state),
        metrics: Arc::clone(&metrics),
        gauges: context.gauges(),
    };
    probes::serve(args.http_address, pages, shutdown.clone()).await?;
    tracing::info!(version = env!("CARGO_PKG_VERSION"), ?namespaces, broker = %args.broker_repository, "the operator starts");

    tokio::select! {
        served = definitions::wait(&client, namespaces[0].as_deref(), &state) => served?,
        () = shutdown.clone().requested() => return Ok(()),
    }
    let mut lease = None;
    if args.leader_election {
        state.set(Stage::StandingBy);
        let mut sought = Lease::seek(client.clone(), &args).await?;
        tokio::select! {
            held = sought.held() => held?,
            () = shutdown.clone().requested() => {
                sought.release().await;
                return Ok(());
            }
        }
        lease = Some(sought);
    }
    state.set(Stage::Working);
    tracing::info!("working");
    let work = join_all(namespaces.into_iter().map(|namespace| {
        let (context, metrics) = (Arc::clone(&context), Arc::clone(&metrics));
        watch::watch(
            client.clone(),
            namespace,
            context,
            metrics,
            shutdown.clone(),
        )
    }));
    let Some(mut lease) = lease else {
        work.await;
        return Ok(());
    };
    tokio::select! {
        _ = work => {}
        lost = lease.lost() => return Err(lost),
    }
    lease.release().await;
    Ok(())
}

/// The namespaces to watch; one `None` for all.
fn namespaces(args: &Args) -> Vec<Option<String>> {
    let named: Vec<_> = args
        .watch_namespaces
        .iter()
        .filter(|name| !name.is_empty())
        .cloned()
        .map(Some)
        .collect();
    if named.is_empty() { vec![None] } else { named }
}

fn context(client: Client, args: &Args) -> Context {
    let options = Options {
        broker_repository: args.broker_repository.clone(),
        image_pull_policy: Some(args.broker_pull_policy.clone())
            .filter(|policy| !policy.is_empty()),
        network_policy: args.network_policies.then(|| args.namespace.clone()),
    };
    Context::new(client, Arc::new(Http), options, args.instance.clone())
}
