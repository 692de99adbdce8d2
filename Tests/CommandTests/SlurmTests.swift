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
        try arrays(box, program, cluster)
    }

    /// Stages that are ready together are one array; what is sure to follow waits in the cluster, and goes on without us.
    private func arrays(_ box: Sandbox, _ program: String, _ cluster: String) throws {
        try box.write(
            """
            stages:
              prep: {cmd: "sleep 1; echo data > d.txt", outs: [d.txt]}
              each:
                foreach: [a, b, c]
                do:
                  cmd: cat d.txt > m_${item}.txt; echo $SLURM_ARRAY_TASK_ID > t_${item}.txt
                  deps: [d.txt]
                  outs: ["m_${item}.txt", "t_${item}.txt"]
              last: {cmd: "mkdir -p f; cat m_a.txt m_b.txt > f/all", deps: [m_a.txt, m_b.txt, m_c.txt], outs: [f]}
              chain: {cmd: "sleep 3; echo one > c1", outs: [c1]}
              chain2: {cmd: "cp c1 c2; echo ran >> count", deps: [c1], outs: [c2]}

            """, to: "repo/mlrun.yaml")
        let environment = "env SLURM_CONF=\(cluster)/slurm.conf"
        try box.run("\(program) -j 3 last", in: "repo")
        #expect(try box.run("cat f/all", in: "repo").output == "data\ndata\n")
        #expect(try box.run("cat t_a.txt t_b.txt t_c.txt | grep -c '[01]'", in: "repo").output == "2\n")
        #expect(try box.run("grep -c 'mlrun:last' \(cluster)/jobs.txt", in: "repo").output == "1\n")
        // Killed while the first runs: the second runs too, and both results are taken over.
        try box.run(
            """
            setsid \(environment) \(program.split(separator: " ").dropFirst().joined(separator: " ")) chain2 & submitter=$!
            for i in $(seq 100); do [ -n "$(\(environment) squeue -h -n mlrun:chain2)" ] && break; sleep 0.1; done
            kill -9 -$submitter
            """, in: "repo")
        try box.run("for i in $(seq 100); do [ -e c2 ] && break; sleep 0.2; done; cat c2", in: "repo")
        #expect(try box.run("\(program) chain2 2>&1 && cat count", in: "repo").output.hasSuffix("ran\n"))
        #expect(try box.run("wc -l < count", in: "repo").output == "1\n")
        #expect(try box.run("ls .git/mlrun/slurm | wc -l", in: "repo").output == "0\n")
    }
}
