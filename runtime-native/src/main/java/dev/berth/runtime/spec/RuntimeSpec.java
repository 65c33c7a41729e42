package dev.berth.runtime.spec;

import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A container as config.json of the OCI runtime specification 1.3 describes it.
 *
 * <p>Lists and maps are never null and immutable; an absent scalar is null, an absent required text
 * is empty until {@link SpecValidator} refuses it. Fields that are not modelled (those of other
 * operating systems and of later versions) are ignored, as the specification asks for.
 *
 * @param ociVersion version of the specification
 * @param process what runs; absent only where it is given later
 * @param root root file system
 * @param hostname host name of the UTS namespace
 * @param domainname NIS domain name of the UTS namespace
 * @param mounts mounts in order
 * @param hooks programs to run at points of the life cycle
 * @param annotations data for others
 * @param linux what is particular to Linux
 */
public record RuntimeSpec(
    String ociVersion,
    @Nullable ContainerProcess process,
    @Nullable Root root,
    @Nullable String hostname,
    @Nullable String domainname,
    List<Mount> mounts,
    @Nullable Hooks hooks,
    Map<String, String> annotations,
    @Nullable Linux linux) {
  public RuntimeSpec {
    ociVersion = Absent.required(ociVersion);
    hostname = Absent.text(hostname);
    domainname = Absent.text(domainname);
    mounts = Absent.list(mounts);
    annotations = Absent.map(annotations);
  }

  /** The version that specs made here claim. */
  public static final String OCI_VERSION = "1.3.0";

  /**
   * Reads config.json strictly: what is of the wrong type is refused with its path.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the field, as in {@code
   *     config.json: linux.resources.memory.limit: expected a number}
   */
  public static RuntimeSpec parse(byte[] json) {
    return SpecJson.read("config.json", json, RuntimeSpec.class);
  }

  /** Returns config.json in UTF-8; absent and empty fields are left out. */
  public byte[] toJson() {
    return SpecJson.write(this);
  }

  /** Starts with nothing set. */
  public static Builder builder() {
    return new Builder();
  }

  /** Starts with the values of this record. */
  public Builder toBuilder() {
    Builder builder = new Builder();
    builder.ociVersion = ociVersion;
    builder.process = process;
    builder.root = root;
    builder.hostname = hostname;
    builder.domainname = domainname;
    builder.mounts = mounts;
    builder.hooks = hooks;
    builder.annotations = annotations;
    builder.linux = linux;
    return builder;
  }

  /**
   * Collects the fields of a {@link RuntimeSpec}; each setter replaces the value. Not thread-safe.
   */
  public static final class Builder {
    private String ociVersion = "";
    private @Nullable ContainerProcess process;
    private @Nullable Root root;
    private @Nullable String hostname;
    private @Nullable String domainname;
    private List<Mount> mounts = List.of();
    private @Nullable Hooks hooks;
    private Map<String, String> annotations = Map.of();
    private @Nullable Linux linux;

    private Builder() {}

    public Builder ociVersion(String ociVersion) {
      this.ociVersion = ociVersion;
      return this;
    }

    public Builder process(@Nullable ContainerProcess process) {
      this.process = process;
      return this;
    }

    public Builder root(@Nullable Root root) {
      this.root = root;
      return this;
    }

    public Builder hostname(@Nullable String hostname) {
      this.hostname = hostname;
      return this;
    }

    public Builder domainname(@Nullable String domainname) {
      this.domainname = domainname;
      return this;
    }

    public Builder mounts(List<Mount> mounts) {
      this.mounts = mounts;
      return this;
    }

    public Builder hooks(@Nullable Hooks hooks) {
      this.hooks = hooks;
      return this;
    }

    public Builder annotations(Map<String, String> annotations) {
      this.annotations = annotations;
      return this;
    }

    public Builder linux(@Nullable Linux linux) {
      this.linux = linux;
      return this;
    }

    /** Returns the record. */
    public RuntimeSpec build() {
      return new RuntimeSpec(
          ociVersion, process, root, hostname, domainname, mounts, hooks, annotations, linux);
    }
  }
}
