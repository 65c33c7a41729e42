/**
 * The gRPC edge: a server on a unix socket whose verbs are plain blocking functions.
 *
 * <p>A verb takes a request and an {@link dev.berth.base.Operation} and returns a reply or throws;
 * it runs on a virtual thread of its own. What surrounds it is here and nowhere else: the limits of
 * the transport (rule R26), the deadline, cancellation and trace of the caller, and the one place
 * that turns an exception into a gRPC status, {@link dev.berth.cri.rpc.ErrorEdge}.
 */
@NullMarked
package dev.berth.cri.rpc;

import org.jspecify.annotations.NullMarked;
