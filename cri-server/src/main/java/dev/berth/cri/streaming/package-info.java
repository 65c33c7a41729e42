/**
 * The streaming server: what stands behind the URLs that Exec, Attach and PortForward answer.
 *
 * <p>A URL holds a token that is good for one request within a minute. The request upgrades its
 * connection to SPDY/3.1 or WebSocket, negotiates a version of the protocol of streams, and from
 * then on the connection is one client of one process, or of the ports of one pod:
 *
 * <pre>
 * event loop --frames--> SpdyConnection | WebSocketProcess | WebSocketPorts
 *                          |  InputQueue, bounded: a full one stops reading from the connection
 *                          v
 * stream threads         ProcessSession | PortSession  <--streams-->  dev.berth.sandbox.Streams
 *                          |  Outlet: waits while the connection cannot take more
 *                          v
 * event loop <--frames-- the same connection
 * </pre>
 *
 * <p>A session ends when either side does, and then frees what belongs to it; the connection's end
 * is the session's. Nothing here is loaded before the first of these RPCs comes, except for {@link
 * dev.berth.cri.streaming.StreamingServer}.
 */
@NullMarked
package dev.berth.cri.streaming;

import org.jspecify.annotations.NullMarked;
