package dev.berth.sandbox.checkpoint;

/**
 * What an archive says of its container, by two documents that checkpointctl reads: {@code
 * config.dump} and {@code status.dump}. The names of the components are those of their fields.
 */
public record ContainerDump(Config config, Status status) {
  /**
   * Which container it was.
   *
   * @param rootfsImage as it was asked for
   * @param rootfsImageRef digest reference of that image
   * @param rootfsImageName what users call it
   * @param runtime name of the runtime handler
   * @param createdTime in RFC 3339, as is the next
   */
  public record Config(
      String id,
      String name,
      String rootfsImage,
      String rootfsImageRef,
      String rootfsImageName,
      String runtime,
      String createdTime,
      String checkpointedTime) {}

  /**
   * What it was doing.
   *
   * @param CreatedAt in nanoseconds since the epoch, as is the next
   * @param Pid of its first process, on the host
   */
  @SuppressWarnings("RecordComponentName") // the names are the document's
  public record Status(long CreatedAt, long StartedAt, int Pid) {}
}
