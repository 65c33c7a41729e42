package dev.berth.runtime.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatCode;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

class SpecValidatorTest {
  private static final String VALID =
      """
      {
        "ociVersion": "1.3.0",
        "process": {
          "user": {"uid": 0, "gid": 0}, "args": ["sh"], "cwd": "/", "env": ["PATH=/bin"],
          "capabilities": {"effective": ["CAP_CHOWN"], "permitted": ["CAP_CHOWN"]},
          "rlimits": [{"type": "RLIMIT_NOFILE", "hard": 18446744073709551615, "soft": 1024}]
        },
        "root": {"path": "rootfs"},
        "hostname": "h",
        "mounts": [
          {"destination": "/proc", "type": "proc", "source": "proc"},
          {"destination": "/proc/meminfo", "type": "bind", "source": "/a", "options": ["bind"]}
        ],
        "linux": {
          "namespaces": [
            {"type": "pid"}, {"type": "mount"}, {"type": "uts"}, {"type": "network", "path": "/n"}
          ],
          "sysctl": {"net.ipv4.ip_local_port_range": "1024\\t60999"},
          "cgroupsPath": "kubepods.slice:berth:x",
          "seccomp": {"defaultAction": "SCMP_ACT_ALLOW"}
        }
      }
      """;

  @Test
  void aUsualSpecIsAccepted() {
    assertThatCode(() -> SpecValidator.validate(parse(VALID))).doesNotThrowAnyException();
  }

  /** Each row puts a value at a path of the valid spec and expects one error. */
  static Stream<Arguments> refusals() {
    return Stream.of(
        row("ociVersion", "\"2.0.0\"", "ociVersion: version 2.0.0 is not supported, only 1.x is"),
        row("ociVersion", "\"1.x\"", "ociVersion: expected a semantic version, not \"1.x\""),
        row("root", "null", "root: required"),
        row("root.path", "\"\"", "root.path: required"),
        row("process", "null", "process: required"),
        row("process.args", "[]", "process.args: required"),
        row("process.args", "[\"\"]", "process.args[0]: is empty"),
        row("process.cwd", "\"a\"", "process.cwd: must be an absolute path, not \"a\""),
        row("process.env", "[\"A=1\",\"=x\"]", "process.env[1]: expected NAME=value"),
        row(
            "process.user.uid",
            "4294967295",
            "process.user.uid: must be from 0 to 4294967294, not 4294967295"),
        row(
            "process.user.additionalGids",
            "[0,-1]",
            "process.user.additionalGids[1]: must be from 0 to 4294967294, not -1"),
        row("process.user.umask", "512", "process.user.umask: must be from 0 to 511, not 512"),
        row(
            "process.capabilities.bounding",
            "[\"CAP_X\"]",
            "process.capabilities.bounding[0]: unknown capability \"CAP_X\""),
        row(
            "process.capabilities.permitted",
            "[]",
            "process.capabilities.effective[0]: CAP_CHOWN is not in the permitted set"),
        row(
            "process.rlimits",
            "[{\"type\":\"RLIMIT_X\",\"hard\":1,\"soft\":1}]",
            "process.rlimits[0].type: unknown limit \"RLIMIT_X\""),
        row(
            "process.rlimits",
            "[{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":1},"
                + "{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":1}]",
            "process.rlimits[1].type: RLIMIT_CPU is given twice"),
        row(
            "process.rlimits",
            "[{\"type\":\"RLIMIT_CPU\",\"hard\":1,\"soft\":18446744073709551615}]",
            "process.rlimits[0].soft: is above the hard limit"),
        row(
            "process.oomScoreAdj",
            "1001",
            "process.oomScoreAdj: must be from -1000 to 1000, not 1001"),
        row(
            "process.scheduler",
            "{\"policy\":\"SCHED_FAST\"}",
            "process.scheduler.policy: unknown policy \"SCHED_FAST\""),
        row("process.scheduler", "{}", "process.scheduler.policy: required"),
        row(
            "process.scheduler",
            "{\"policy\":\"SCHED_BATCH\",\"nice\":20}",
            "process.scheduler.nice: must be from -20 to 19, not 20"),
        row(
            "process.scheduler",
            "{\"policy\":\"SCHED_FIFO\",\"nice\":1}",
            "process.scheduler.nice: has no meaning for SCHED_FIFO"),
        row(
            "process.scheduler",
            "{\"policy\":\"SCHED_RR\"}",
            "process.scheduler.priority: required by SCHED_RR"),
        row(
            "process.scheduler",
            "{\"policy\":\"SCHED_OTHER\",\"priority\":1}",
            "process.scheduler.priority: has no meaning for SCHED_OTHER"),
        row(
            "process.scheduler",
            "{\"policy\":\"SCHED_DEADLINE\",\"runtime\":2,\"deadline\":1}",
            "process.scheduler.deadline: is below the runtime"),
        row(
            "process.scheduler",
            "{\"policy\":\"SCHED_IDLE\",\"flags\":[\"SCHED_FLAG_X\"]}",
            "process.scheduler.flags[0]: unknown flag \"SCHED_FLAG_X\""),
        row(
            "process.ioPriority",
            "{\"class\":\"IOPRIO_CLASS_NONE\"}",
            "process.ioPriority.class: unknown class \"IOPRIO_CLASS_NONE\""),
        row(
            "process.ioPriority",
            "{\"class\":\"IOPRIO_CLASS_BE\",\"priority\":8}",
            "process.ioPriority.priority: must be from 0 to 7, not 8"),
        row(
            "process.execCPUAffinity",
            "{\"final\":\"0-\"}",
            "process.execCPUAffinity.final: expected CPUs as 0-2,5, not \"0-\""),
        row(
            "linux.personality",
            "{\"domain\":\"BSD\"}",
            "linux.personality.domain: expected LINUX or LINUX32, not \"BSD\""),
        row(
            "linux.personality",
            "{\"domain\":\"LINUX\",\"flags\":[\"X\"]}",
            "linux.personality.flags: no flag is defined"),
        row(
            "linux.memoryPolicy",
            "{\"mode\":\"MPOL_BIND\"}",
            "linux.memoryPolicy.nodes: required by MPOL_BIND"),
        row(
            "linux.memoryPolicy",
            "{\"mode\":\"MPOL_LOCAL\",\"nodes\":\"0\"}",
            "linux.memoryPolicy.nodes: has no meaning for MPOL_LOCAL"),
        row(
            "linux.memoryPolicy",
            "{\"mode\":\"MPOL_BIND\",\"nodes\":\"1024\"}",
            "linux.memoryPolicy.nodes: expected nodes as 0-2,5, not \"1024\""),
        row(
            "linux.memoryPolicy",
            "{\"mode\":\"MPOL_BEST\"}",
            "linux.memoryPolicy.mode: unknown mode \"MPOL_BEST\""),
        row(
            "mounts",
            "[{\"destination\":\"/x\",\"type\":\"bind\",\"source\":\"/a\",\"options\":[\"tmpcopyup\"]}]",
            "mounts[0].options: tmpcopyup is for tmpfs alone"),
        row("linux", "null", "linux: required"),
        row(
            "linux.namespaces",
            "[{\"type\":\"mount\"},{\"type\":\"pid\"},{\"type\":\"pid\"}]",
            "linux.namespaces[2].type: pid is given twice"),
        row(
            "linux.namespaces",
            "[{\"type\":\"net\"}]",
            "linux.namespaces[0].type: unknown namespace \"net\""),
        row(
            "linux.namespaces",
            "[{\"type\":\"mount\"},{\"type\":\"pid\",\"path\":\"x\"}]",
            "linux.namespaces[1].path: must be an absolute path, not \"x\""),
        row(
            "linux.namespaces",
            "[{\"type\":\"pid\"}]",
            "linux.namespaces: a mount namespace is required"),
        row(
            "linux.namespaces",
            "[{\"type\":\"mount\"},{\"type\":\"uts\"}]",
            "linux.sysctl[\"net.ipv4.ip_local_port_range\"]: needs a network namespace"),
        row(
            "linux.uidMappings",
            "[{\"containerID\":0,\"hostID\":1,\"size\":1}]",
            "linux.uidMappings: needs a user namespace"),
        row(
            "linux.namespaces",
            "[{\"type\":\"mount\"},{\"type\":\"network\"},{\"type\":\"user\"}]",
            "linux.uidMappings: required by the user namespace"),
        row(
            "linux.timeOffsets",
            "{\"boottime\":{\"secs\":1}}",
            "linux.timeOffsets: needs a time namespace"),
        timeRow(
            "{\"type\":\"time\",\"path\":\"/t\"}",
            "{\"boottime\":{\"secs\":1}}",
            "linux.timeOffsets: cannot be set in a time namespace that is joined by path"),
        timeRow(
            "{\"type\":\"time\"}",
            "{\"realtime\":{\"secs\":1}}",
            "linux.timeOffsets[\"realtime\"]: expected monotonic or boottime"),
        timeRow(
            "{\"type\":\"time\"}",
            "{\"monotonic\":{\"nanosecs\":1000000000}}",
            "linux.timeOffsets[\"monotonic\"].nanosecs: must be from 0 to 999999999, not 1000000000"),
        timeRow(
            "{\"type\":\"time\"}",
            "{\"boottime\":{\"secs\":-5000000000}}",
            "linux.timeOffsets[\"boottime\"].secs: must be from -4611686018 to 4611686018, not"
                + " -5000000000"),
        row(
            "linux.intelRdt",
            "{\"closID\":\"../x\"}",
            "linux.intelRdt.closID: expected \"/\" or the name of a group, not \"../x\""),
        row(
            "linux.intelRdt",
            "{\"closID\":\"info\"}",
            "linux.intelRdt.closID: expected \"/\" or the name of a group, not \"info\""),
        row(
            "linux.intelRdt",
            "{\"memBwSchema\":\"L3:0=f\"}",
            "linux.intelRdt.memBwSchema: must begin with \"MB:\""),
        row(
            "linux.intelRdt",
            "{\"schemata\":[\"L3:0=f\",\"L3:0=f\\nMB:0=1\"]}",
            "linux.intelRdt.schemata[1]: expected a line like \"L3:0=ff;1=ff\", not"
                + " \"L3:0=f\\u000aMB:0=1\""),
        row(
            "linux.netDevices",
            "{\"eth 0\":{}}",
            "linux.netDevices[\"eth 0\"]: not the name of a network device"),
        row(
            "linux.netDevices",
            "{\"eth%d\":{}}",
            "linux.netDevices[\"eth%d\"]: not the name of a network device"),
        row(
            "linux.netDevices",
            "{\"eth0\":{\"name\":\"a%db%d\"}}",
            "linux.netDevices[\"eth0\"].name: not the name of a network device, nor a template with"
                + " one %d: \"a%db%d\""),
        row(
            "linux.netDevices",
            "{\"eth0\":{\"name\":\"sixteencharacter\"}}",
            "linux.netDevices[\"eth0\"].name: not the name of a network device, nor a template with"
                + " one %d: \"sixteencharacter\""),
        row(
            "linux.netDevices",
            "{\"eth0\":{\"name\":\"x\"},\"eth1\":{\"name\":\"x\"}}",
            "linux.netDevices[\"eth1\"]: another device is called x too"),
        row(
            "linux",
            """
            {"namespaces":[{"type":"mount"},{"type":"uts"}],"netDevices":{"eth0":{}}}\
            """,
            "linux.netDevices: needs a network namespace"),
        row(
            "linux.sysctl",
            "{\"kernel.core_pattern\":\"x\"}",
            "linux.sysctl[\"kernel.core_pattern\"]: is not kept apart by any namespace"),
        row(
            "linux.sysctl",
            "{\"kernel.shmmax\":\"1\"}",
            "linux.sysctl[\"kernel.shmmax\"]: needs a ipc namespace"),
        row(
            "linux.sysctl",
            "{\"net/../kernel/core_pattern\":\"1\"}",
            "linux.sysctl[\"net/../kernel/core_pattern\"]: not the name of a kernel parameter"),
        row(
            "linux.sysctl",
            "{\"net.ipv4.ip_forward\":\"1+kernel.core_pattern=x\"}",
            "linux.sysctl[\"net.ipv4.ip_forward\"]: the value holds a control character or '+'"),
        row("linux.cgroupsPath", "\"/a/../b\"", "linux.cgroupsPath: must not contain \"..\""),
        row(
            "linux.maskedPaths",
            "[\"a\"]",
            "linux.maskedPaths[0]: must be an absolute path, not \"a\""),
        row(
            "linux.rootfsPropagation",
            "\"x\"",
            "linux.rootfsPropagation: unknown propagation \"x\""),
        row(
            "linux.devices",
            "[{\"path\":\"/dev/x\",\"type\":\"x\"}]",
            "linux.devices[0].type: expected c, b, u or p, not \"x\""),
        row(
            "linux.seccomp.defaultAction",
            "\"ALLOW\"",
            "linux.seccomp.defaultAction: unknown action \"ALLOW\""),
        row(
            "linux.seccomp.syscalls",
            "[{\"names\":[\"read\"],\"action\":\"SCMP_ACT_ALLOW\",\"errnoRet\":1}]",
            "linux.seccomp.syscalls[0].errnoRet: has no meaning for SCMP_ACT_ALLOW"),
        row(
            "linux.seccomp.defaultAction",
            "\"SCMP_ACT_NOTIFY\"",
            "linux.seccomp.defaultAction: an agent cannot decide on every call: SCMP_ACT_NOTIFY is"
                + " for rules"),
        row(
            "linux.seccomp.syscalls",
            "[{\"names\":[\"mkdir\"],\"action\":\"SCMP_ACT_NOTIFY\"}]",
            "linux.seccomp.listenerPath: required by SCMP_ACT_NOTIFY"),
        row(
            "linux.seccomp.listenerPath",
            "\"x\"",
            "linux.seccomp.listenerPath: must be an absolute path, not \"x\""),
        row(
            "linux.seccomp.listenerMetadata",
            "\"x\"",
            "linux.seccomp.listenerMetadata: needs a listenerPath"),
        row("linux.seccomp.flags", "[\"X\"]", "linux.seccomp.flags[0]: unknown flag \"X\""),
        row(
            "linux.resources",
            "{\"network\": {\"priorities\": [{\"name\": \"eth0 1\\nlo\", \"priority\": 1}]}}",
            "linux.resources.network.priorities[0].name: not an interface: \"eth0 1\\u000alo\""),
        row(
            "linux.resources",
            "{\"memory\":{\"limit\":2,\"swap\":1}}",
            "linux.resources.memory.swap: counts memory too and so cannot be below the limit"),
        row(
            "linux.resources",
            "{\"unified\":{\"a/b\":\"x\"}}",
            "linux.resources.unified[\"a/b\"]: not the name of a file of a controller"),
        row(
            "process.selinuxLabel",
            "\"container_t\"",
            "process.selinuxLabel: expected user:role:type:level, not \"container_t\""),
        row(
            "linux.mountLabel",
            "\"u:object_r:t:s0\\nx\"",
            "linux.mountLabel: holds a space or a control character"),
        row(
            "hooks",
            "{\"createRuntime\":[{\"path\":\"bin/x\"}]}",
            "hooks.createRuntime[0].path: must be an absolute path, not \"bin/x\""),
        row(
            "hooks",
            "{\"prestart\":[{\"path\":\"/x\"}, {}]}",
            "hooks.prestart[1].path: must be an absolute path, not \"\""),
        row(
            "hooks",
            "{\"poststart\":[{\"path\":\"/x\",\"env\":[\"=x\"]}]}",
            "hooks.poststart[0].env[0]: expected NAME=value"),
        row(
            "hooks",
            "{\"poststop\":[{\"path\":\"/x\",\"timeout\":0}]}",
            "hooks.poststop[0].timeout: must be greater than 0"),
        row(
            "mounts",
            "[{\"destination\":\"/a/..\",\"type\":\"tmpfs\"}]",
            "mounts[0].destination: must not be the root"),
        row(
            "mounts",
            "[{\"destination\":\"/proc/self\",\"type\":\"tmpfs\"}]",
            "mounts[0].destination: nothing may be mounted inside /proc at \"/proc/self\""),
        row(
            "mounts",
            "[{\"destination\":\"/a\"}]",
            "mounts[0].type: required unless it is a bind mount"),
        row(
            "mounts",
            "[{\"destination\":\"/a\",\"type\":\"bind\",\"source\":\"/b\",\"options\":[\"idmap\"]}]",
            "mounts[0].options: idmap without mappings needs a user namespace"));
  }

  @ParameterizedTest
  @MethodSource("refusals")
  void whatCannotWorkIsNamed(String path, String value, String message) {
    assertThatThrownBy(() -> SpecValidator.validate(with(path, value)))
        .isInstanceOf(BerthException.class)
        .hasMessage("config.json: " + message)
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(INVALID_ARGUMENT);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "process.scheduler|{\"policy\":\"SCHED_ISO\"}|process.scheduler.policy",
      })
  void whatWouldBeIgnoredIsRefused(String path, String value, String field) {
    assertThatThrownBy(() -> SpecValidator.validate(with(path, value)))
        .isInstanceOf(BerthException.class)
        .hasMessage("config.json: " + field + ": not supported by this runtime")
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(UNIMPLEMENTED);
  }

  @Test
  void mountNamespaceOfOthersIsRefusedWithTheReason() {
    RuntimeSpec spec = with("linux.namespaces", "[{\"type\":\"mount\",\"path\":\"/x\"}]");
    assertThatThrownBy(() -> SpecValidator.validate(spec))
        .hasMessageStartingWith(
            "config.json: linux.namespaces[0].path: a mount namespace is not joined: ")
        .extracting(e -> ((BerthException) e).kind())
        .isEqualTo(UNIMPLEMENTED);
  }

  @Test
  void hostNameNeedsItsOwnNamespace() {
    RuntimeSpec spec = with("linux.namespaces", "[{\"type\":\"mount\"},{\"type\":\"network\"}]");
    assertThatThrownBy(() -> SpecValidator.validate(spec))
        .hasMessage("config.json: hostname: needs a uts namespace");
  }

  @Test
  void overlappingIdRangesAreNamed() {
    assertThatThrownBy(() ->
            LinuxRules.mappings(
                Field.of("config.json").child("linux").child("uidMappings"),
                List.of(new IdMapping(0, 100_000, 65536), new IdMapping(65535, 0, 1))))
        .hasMessage("config.json: linux.uidMappings[1]: overlaps range 0");
    assertThatThrownBy(() ->
            LinuxRules.mappings(
                Field.of("config.json"), List.of(new IdMapping(0, 0xFFFF_FFFFL, 2))))
        .hasMessageContaining("hostID: must be from 0 to 4294967294");
  }

  @ParameterizedTest
  @CsvSource({
    "net.ipv4.ip_forward,net/ipv4/ip_forward,network",
    "net/ipv4/conf/eth0.1/forwarding,net/ipv4/conf/eth0.1/forwarding,network",
    "net.ipv4.conf.eth0/1.forwarding,net/ipv4/conf/eth0.1/forwarding,network",
    "kernel.shm_rmid_forced,kernel/shm_rmid_forced,ipc",
    "fs.mqueue.msg_max,fs/mqueue/msg_max,ipc",
    "kernel.domainname,kernel/domainname,uts",
    "kernel.hostname,kernel/hostname,",
    "user.max_user_namespaces,user/max_user_namespaces,user",
    "vm.swappiness,vm/swappiness,",
  })
  void parametersBelongToNamespaces(String name, String path, String namespace) {
    SysctlName parsed = SysctlName.parse(name);
    assertThat(parsed.path()).isEqualTo(path);
    assertThat(parsed.namespace().orElse(null)).isEqualTo(namespace);
  }

  @Test
  void capabilitiesHaveTheNumbersOfTheKernel() {
    assertThat(CapabilityNames.all()).hasSize(41);
    assertThat(CapabilityNames.number("CAP_SYS_ADMIN")).hasValue(21);
    assertThat(CapabilityNames.number("CAP_CHECKPOINT_RESTORE")).hasValue(40);
    assertThat(CapabilityNames.number("CHOWN")).isEmpty();
  }

  private static Arguments row(String path, String value, String message) {
    return Arguments.of(path, value, message);
  }

  private static Arguments timeRow(String namespace, String offsets, String message) {
    return row(
        "linux",
        """
        {"namespaces":[{"type":"mount"},{"type":"uts"},%s],"timeOffsets":%s}\
        """
            .formatted(namespace, offsets),
        message);
  }

  private static RuntimeSpec with(String path, String value) {
    JsonObject top = JsonParser.parseString(VALID).getAsJsonObject();
    JsonObject parent = top;
    List<String> names = List.of(path.split("\\."));
    for (String name : names.subList(0, names.size() - 1)) {
      parent = parent.getAsJsonObject(name);
    }
    JsonElement parsed = JsonParser.parseString(value);
    parent.add(names.getLast(), parsed);
    return parse(top.toString());
  }

  private static RuntimeSpec parse(String json) {
    return RuntimeSpec.parse(json.getBytes(StandardCharsets.UTF_8));
  }
}
