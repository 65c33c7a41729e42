package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.Pull;

/** Where it is shown how far something is. */
interface PullView {
  /** Shows the present state. */
  void draw(Pull pull);

  /** Ends the show. */
  void clear();
}
