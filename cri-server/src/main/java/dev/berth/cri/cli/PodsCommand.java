package dev.berth.cri.cli;

import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.time.Instant;
import picocli.CommandLine.Command;

/** {@code berth pods}. */
@Command(name = "pods", description = "Lists pods.")
final class PodsCommand extends CriCommand {
  @Override
  int run(CriClient cri) {
    Table table = new Table("POD ID", "NAME", "NAMESPACE", "STATE", "IP", "AGE");
    Instant now = Instant.now();
    for (PodSandbox pod : Lookup.of(cri).pods()) {
      table.row(
          Text.shortId(pod.getId()),
          pod.getMetadata().getName(),
          pod.getMetadata().getNamespace(),
          Text.state(pod.getState()),
          ip(cri, pod.getId()),
          Text.age(pod.getCreatedAt(), now));
    }
    table.print(out());
    return OK;
  }

  private static String ip(CriClient cri, String sandboxId) {
    try {
      String ip =
          cri.runtime()
              .podSandboxStatus(
                  PodSandboxStatusRequest.newBuilder().setPodSandboxId(sandboxId).build())
              .getStatus()
              .getNetwork()
              .getIp();
      return ip.isEmpty() ? "-" : ip;
    } catch (StatusRuntimeException e) {
      if (e.getStatus().getCode() == Status.Code.NOT_FOUND) {
        return "-"; // removed since it was listed
      }
      throw e;
    }
  }
}
