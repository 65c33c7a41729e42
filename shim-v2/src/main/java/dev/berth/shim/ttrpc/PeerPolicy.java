package dev.berth.shim.ttrpc;

import java.io.IOException;
import java.nio.channels.SocketChannel;
import java.nio.file.FileSystems;
import java.nio.file.attribute.UserPrincipal;
import jdk.net.ExtendedSocketOptions;

/** Decides from the kernel's word who may speak on a socket: the second line after its mode. */
@FunctionalInterface
interface PeerPolicy {
  /** Only processes of uid 0, as the kernel saw them at connect (rule R17, SO_PEERCRED). */
  PeerPolicy ROOT_ONLY = ownedBy("0");

  /** Returns whether the peer may speak. */
  boolean admits(SocketChannel peer) throws IOException;

  /**
   * Admits one user.
   *
   * @param uid a number: the lookup takes one where no user has it as a name, and what it returns
   *     compares by number
   */
  static PeerPolicy ownedBy(String uid) {
    UserPrincipal wanted = lookup(uid);
    return peer -> peer.getOption(ExtendedSocketOptions.SO_PEERCRED).user().equals(wanted);
  }

  private static UserPrincipal lookup(String uid) {
    try {
      return FileSystems.getDefault().getUserPrincipalLookupService().lookupPrincipalByName(uid);
    } catch (IOException e) {
      throw new IllegalStateException("cannot look up uid " + uid, e);
    }
  }
}
