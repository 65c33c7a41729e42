/**
 * The runtime's side of the Node Resource Interface, version 0.10: programs that connect to a
 * socket, are shown every pod and container, and may adjust a container while it is made.
 *
 * <p>{@link dev.berth.sandbox.nri.NriPlugins} is the entry. A plugin's connection carries two ttrpc
 * connections ({@code Multiplexer}): on one the plugin is the server and is asked, on the other it
 * registers and asks for changes. Plugins are asked one after the other in the order of their
 * indexes; what they want of a new container is collected, refused where two want different things
 * of the same field, and applied to the runtime spec as the last step of its generation.
 *
 * <p>A plugin is trusted, being root's, but not relied upon: it answers within its time or is
 * disconnected, and whatever waits for it goes on without it. While none is connected there is one
 * parked virtual thread, and nothing else of this package is loaded.
 */
@NullMarked
package dev.berth.sandbox.nri;

import org.jspecify.annotations.NullMarked;
