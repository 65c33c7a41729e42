package dev.berth.runtime.plan;

import dev.berth.runtime.spec.SysctlName;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.Map;

/**
 * Writes linux.sysctl inside the container's namespaces, through a procfs that is mounted nowhere
 * (rule R2): no image and no volume can stand in its way.
 */
final class SysctlSteps {
  private final PlanBuilder plan;
  private final Emitter emit;
  private final Reg procfs;
  private final Reg file;

  SysctlSteps(PlanBuilder plan, Emitter emit) {
    this.plan = plan;
    this.emit = emit;
    this.procfs = plan.reg("procfs");
    this.file = plan.reg("sysctl");
  }

  void writeAll(Map<String, String> sysctls) {
    if (sysctls.isEmpty()) {
      return;
    }
    plan.from("linux.sysctl");
    emit.newFileSystem("proc", "proc", List.of(), 0, procfs);
    for (Map.Entry<String, String> sysctl : sysctls.entrySet()) {
      plan.from("linux.sysctl " + sysctl.getKey());
      long resolve =
          Uapi.RESOLVE_BENEATH
              | Uapi.RESOLVE_NO_MAGICLINKS
              | Uapi.RESOLVE_NO_SYMLINKS
              | Uapi.RESOLVE_NO_XDEV;
      String path = "sys/" + SysctlName.parse(sysctl.getKey()).path();
      emit.open(procfs, path, Uapi.O_WRONLY, resolve, file);
      byte[] value = sysctl.getValue().getBytes(StandardCharsets.UTF_8);
      plan.call(
          "write", file, plan.bytes(value, '"' + sysctl.getValue() + '"'), Arg.of(value.length));
      plan.call("close", file);
    }
  }
}
