import Base
import TestSupport
import Testing

/// Against a real cluster of one node (Debian: slurm-wlm, munge), which only root can start.
@Suite(.serialized, .enabled(if: Files.exists("/usr/sbin/slurmctld") && Files.exists("/usr/sbin/munged")))
struct SlurmTests {
    @Test func `Jobs run, are found again after a kill, and fail by name`() throws {
        let box = try Sandbox()
        try box.makeRepository()
        let folder = #filePath.split(separator: "/").dropLast(2).joined(separator: "/")
        let cluster = "/tmp/mlrun-slurm-" + ObjectID.of(box.root).hex.prefix(8)
        try box.run("bash /\(folder)/Servers/slurm.sh start \(cluster)")
        defer { _ = try? box.run("bash /\(folder)/Servers/slurm.sh stop \(cluster); rm -rf \(cluster)") }
        try box.write(
            """
            stages:
              long:
                cmd: echo run >> runs; sleep 3; echo $MLRUN_STAGE > o.txt
                outs: [o.txt]
                meta: {mlrun: {resources: {cpus: 1, mem_mb: 100, runtime: 5}}}
              after:
                cmd: cp o.txt p.txt
                deps: [o.txt]
                outs: [p.txt]
              bad:
                cmd: exit 3
                deps: [p.txt]
                outs: [q.txt]

            """, to: "repo/mlrun.yaml")
        let program = "SLURM_CONF=\(cluster)/slurm.conf git -c mlrun.slurmInterval=1 mlrun repro --executor slurm"
        // The submitter dies; its job goes on, and the next one takes it over instead of starting a second.
        try box.run("timeout -s KILL 1.5 \(program) -s long; true", in: "repo")
        let result = try box.run("\(program) --keep-going 2>&1; echo status $?", in: "repo").output
        #expect(result.contains("the command 'exit 3' failed (exit 3) in job"))
        #expect(result.contains("status 128"))
        #expect(try box.run("cat runs p.txt", in: "repo").output == "run\nlong\n")
        #expect(try box.run("git mlrun repro after", in: "repo").output.contains("up to date"))
    }
}
