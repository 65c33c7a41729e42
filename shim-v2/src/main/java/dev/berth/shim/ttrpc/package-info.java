/**
 * ttrpc, the protocol between a container runtime and its shims: gRPC's service model without
 * HTTP/2, in frames of ten bytes of header and one protobuf message on a unix socket, or on any
 * other channel: {@code TtrpcClient.over} and {@code ServerConnection.serve} take one. Plugins of
 * the Node Resource Interface speak it too.
 *
 * <p>{@link dev.berth.shim.ttrpc.TtrpcServer} serves {@link dev.berth.shim.ttrpc.TtrpcService}s,
 * {@link dev.berth.shim.ttrpc.TtrpcClient} calls them. Both run one virtual thread that reads and
 * one that writes for each connection, and the server one for each call. Calls are unary: the task
 * API needs no more, and a peer that opens a stream is told so.
 *
 * <p>A failure travels as a {@code google.rpc.Status}; on both ends it is a {@link
 * dev.berth.base.BerthException} of the corresponding kind.
 */
@NullMarked
package dev.berth.shim.ttrpc;

import org.jspecify.annotations.NullMarked;
