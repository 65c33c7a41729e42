package dev.berth.sandbox.cni;

/** What a plugin is asked to do: the values of {@code CNI_COMMAND} that Berth uses. */
enum CniCommand {
  /** Attach the sandbox, or change what the plugin before attached. */
  ADD("0.1.0"),
  /** Detach it; a plugin accepts a DEL of what it does not know. */
  DEL("0.1.0"),
  /** Tell whether it is attached as it was told. */
  CHECK("0.4.0"),
  /** Tell whether sandboxes could be attached. */
  STATUS("1.1.0"),
  /** Remove what belongs to none of the attachments that are named. */
  GC("1.1.0");

  private final String since;

  CniCommand(String since) {
    this.since = since;
  }

  /** Returns the first version of the protocol that has it. */
  String since() {
    return since;
  }
}
