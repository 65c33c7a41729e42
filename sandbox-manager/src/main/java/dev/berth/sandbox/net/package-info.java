/**
 * Berth's own pod network, for a node whose pods need nobody but each other and the outside: one
 * bridge, addresses of both families, and the packet filter for host ports and for the way out.
 *
 * <p>Everything is done over netlink, by this process. Each pod's record has its addresses before
 * anything is made of them, and says which host ports it has; the bridge and the table of the
 * packet filter bear the name of the instance and can be made again from the records at any time.
 */
@NullMarked
package dev.berth.sandbox.net;

import org.jspecify.annotations.NullMarked;
