//! An attempt to come.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::time::{Instant, Sleep, sleep_until};
use tower_service::Service;

use super::circuit::{Admission, Registration};
use super::clone::CloneRequest;
use super::pause::PauseWait;
use super::policy::{Config, Policy};
use super::shared::Shared;
use super::state::RetryState;
use super::time::later;
use crate::ask;
use crate::message::Unsent;

/// How the wait for an attempt ends.
pub(super) enum Ready {
    /// It is to be sent.
    Send,
    /// It is to be answered without being sent.
    Answer(Unsent),
}

/// An attempt to come.
pub(super) struct PendingAttempt<Req> {
    request: Option<Req>,
    backoff: Option<Pin<Box<Sleep>>>,
    pause: Option<PauseWait>,
    admitted: bool,
    /// Ends the wait of a request whose time is bounded.
    cut_off: Option<Pin<Box<Sleep>>>,
    registration: Option<Registration>,
    /// Ends the wait for a probe that does not end.
    patience: Option<Pin<Box<Sleep>>>,
    /// The service may hold a permit, or a place in a line.
    was_polled: bool,
}

impl<Req> PendingAttempt<Req> {
    pub(super) fn new(request: Req, at: Option<Instant>) -> Box<Self> {
        Box::new(Self {
            request: Some(request),
            backoff: at.map(|at| Box::pin(sleep_until(at))),
            pause: None,
            admitted: false,
            cut_off: None,
            registration: None,
            patience: None,
            was_polled: true,
        })
    }

    /// Waits until the attempt may begin: until its time has come, the circuit allows it and `service` is
    /// ready. Or until it is to be answered without being sent.
    pub(super) fn poll_ready<S: Service<Req> + Clone, C, H, K: CloneRequest<Req>>(
        &mut self,
        service: &mut S,
        policy: &Policy<C, H, K>,
        retry: &mut RetryState<Req>,
        cx: &mut Context<'_>,
    ) -> Poll<Result<Ready, S::Error>> {
        let (config, shared) = (&policy.config, &policy.shared);
        loop {
            let mut admitted = Admission::Send;
            if shared.circuit.is_tripped() {
                let request = self.request.as_ref();
                let route = request.and_then(|request| policy.clone.route(request));
                admitted = retry.admit(Instant::now(), shared, route);
            }
            if let Admission::Answer(unsent) = admitted {
                return Poll::Ready(Ok(Ready::Answer(unsent)));
            }
            if let Admission::Wait(_, until) = admitted {
                // The probe may need what it holds.
                if std::mem::take(&mut self.was_polled) {
                    *service = service.clone();
                }
                if self.poll_patience(until, cx).is_ready() {
                    continue;
                }
            } else if self
                .poll_due(admitted, config, shared, retry, cx)
                .is_ready()
            {
                self.was_polled = true;
                let ready = ask::with(retry.ask(), || service.poll_ready(cx));
                if ready.is_ready() {
                    return ready.map_ok(|()| Ready::Send);
                }
            }
            if self.poll_cut_off(retry, cx).is_ready() {
                if let Some(unsent) = shared.circuit.out_of_time(Instant::now()) {
                    return Poll::Ready(Ok(Ready::Answer(unsent)));
                }
            }
            if shared
                .circuit
                .register(&mut self.registration, admitted, cx)
            {
                return Poll::Pending;
            }
        }
    }

    /// Waits for the attempt's time.
    fn poll_due(
        &mut self,
        admitted: Admission,
        config: &Config,
        shared: &Shared,
        retry: &RetryState<Req>,
        cx: &mut Context<'_>,
    ) -> Poll<()> {
        if let Some(backoff) = &mut self.backoff {
            // Who goes as a probe goes when the circuit says so.
            if admitted != Admission::Probe {
                ready!(backoff.as_mut().poll(cx));
            }
            self.backoff = None;
        }
        if !self.admitted {
            let latest = |now| {
                let latest = later(now, config.max_server_wait);
                retry
                    .deadline()
                    .map_or(latest, |deadline| latest.min(deadline))
            };
            let random = &config.random;
            let waited = shared.pause.poll(&mut self.pause, latest, random, cx);
            config.pause_waited(ready!(waited));
            self.admitted = true;
        }
        Poll::Ready(())
    }

    /// Waits for the end of the time for which a probe keeps others waiting.
    fn poll_patience(&mut self, until: Instant, cx: &mut Context<'_>) -> Poll<()> {
        let sleep = self
            .patience
            .get_or_insert_with(|| Box::pin(sleep_until(until)));
        if sleep.deadline() != until {
            sleep.as_mut().reset(until);
        }
        sleep.as_mut().poll(cx)
    }

    /// Waits for the end of the request's time.
    fn poll_cut_off(&mut self, retry: &RetryState<Req>, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = retry.cut_off() else {
            return Poll::Pending;
        };
        let sleep = self
            .cut_off
            .get_or_insert_with(|| Box::pin(sleep_until(at)));
        sleep.as_mut().poll(cx)
    }

    /// The request that is to be sent.
    pub(super) fn request(&self) -> Option<&Req> {
        self.request.as_ref()
    }

    /// Takes the request, with the number of its attempt if that is to be sent.
    pub(super) fn take<C, H, K>(&mut self, policy: &Policy<C, H, K>, attempt: u32) -> Req
    where
        K: CloneRequest<Req>,
    {
        let mut request = self.request.take().expect("polled after completion");
        policy.number(&mut request, attempt);
        request
    }
}
