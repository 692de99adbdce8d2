import Base
import TestSupport
import Testing

@Suite struct KubernetesTests {
    private static let python = Sandbox.python(with: "kubernetes_validate", "yaml")

    private func kinds(_ list: JSON) -> [String?] { list["items"]?.arrayValue?.map { $0["kind"]?.stringValue } ?? [] }

    @Test func `the objects of a commit`() throws {
        let box = try ServeTests.served()
        let command = "git mlrun deploy --kubernetes HEAD --image registry.example.org/ml/m"
        let text = try box.run(command, in: "repo").output
        #expect(try box.run(command, in: "repo").output == text)
        let list = try JSON(parsing: box.run(command + " --json", in: "repo").output)
        #expect(kinds(list) == ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"])
        let commit = try box.run("git rev-parse HEAD", in: "repo").output.filter { $0 != "\n" }
        let deployment = list["items"]?.arrayValue?.first
        let pod = deployment?["spec"]?["template"]
        let container = pod?["spec"]?["containers"]?.arrayValue?.first
        #expect(container?["image"] == .string("registry.example.org/ml/m:" + commit.prefix(12)))
        #expect(deployment?["metadata"]?["annotations"]?["git-ml/commit"] == .string(commit))
        // What the autoscaler sets is not set here; nothing is taken away before its successor answers.
        #expect(deployment?["spec"]?["replicas"] == nil)
        #expect(deployment?["spec"]?["strategy"]?["rollingUpdate"] == ["maxSurge": 1, "maxUnavailable": 0])
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            #expect(container?[probe]?["httpGet"]?["path"]?.stringValue?.hasSuffix("z") == true)
        }
        let canary = try JSON(
            parsing: box.run(
                command + ":v2 --canary HEAD~1 --canary-weight 25 --min-replicas 3 --json --namespace ml", in: "repo"
            ).output)
        let other = canary["items"]?.arrayValue?.last
        #expect(kinds(canary).count == 5 && other?["metadata"]?["name"] == "m-canary")
        // One of four.
        #expect(other?["spec"]?["replicas"] == 1 && other?["metadata"]?["namespace"] == "ml")
        let service = canary["items"]?.arrayValue?[1]
        let labels = other?["spec"]?["template"]?["metadata"]?["labels"]
        for (key, value) in service?["spec"]?["selector"]?.objectValue?.pairs ?? [] { #expect(labels?[key] == value) }
        for wrong in ["", "--image x:1 --cpu much", "--image x:1 --canary-weight 0", "--image x:1 --name A_b"] {
            #expect(
                try box.attempt("git mlrun deploy --kubernetes HEAD \(wrong)", in: "repo").status == 129, "\(wrong)")
        }
    }

    @Test func `kubectl is given the objects`() throws {
        let box = try ServeTests.served()
        try box.write(
            "#!/bin/sh\necho \"$@\" >'\(box.root)/said'; cat >'\(box.root)/given'; exit $(cat '\(box.root)/code')\n",
            to: "bin/kubectl")
        try box.run("chmod +x bin/kubectl; echo 0 >code")
        let command = "git mlrun deploy --kubernetes HEAD --image a.b/m:1"
        let text = try box.run(command, in: "repo").output
        try box.run("PATH='\(box.root)/bin':$PATH \(command) --apply", in: "repo")
        #expect(try box.text("given") == text && box.text("said") == "apply -f -\n")
        try box.run("echo 1 >code")
        #expect(try box.attempt("PATH='\(box.root)/bin':$PATH \(command) --apply", in: "repo").status == 128)
    }

    @Test(.enabled(if: KubernetesTests.python != nil, "kubernetes-validate is not installed"))
    func `the objects keep to the published schemas, and the YAML says what the JSON says`() throws {
        let box = try ServeTests.served()
        let command = "git mlrun deploy --kubernetes HEAD --image a.b/m:1 --canary HEAD~1 --canary-image a.b/m:2"
        try box.run("\(command) >../objects.yaml && \(command) --json >../objects.json", in: "repo")
        try box.run("\(command) --kserve >../kserve.yaml && \(command) --kserve --json >../kserve.json", in: "repo")
        let script = """
            import json, sys, yaml, kubernetes_validate
            for name in ("objects", "kserve"):
                objects = list(yaml.safe_load_all(open(name + ".yaml")))
                assert objects == json.load(open(name + ".json"))["items"], name
                for o in objects if name == "objects" else []:
                    for version in ("1.30", "1.34"):
                        kubernetes_validate.validate(o, version, strict=True)
                    print(o["kind"])
            """
        try box.write(script, to: "check.py")
        let said = try box.run("'\(KubernetesTests.python ?? "python3")' check.py").output
        #expect(said == "Deployment\nService\nHorizontalPodAutoscaler\nPodDisruptionBudget\nDeployment\n")
    }
}
