import Base

/// What serves images of models on a Kubernetes cluster, as the objects to apply.
///
/// Written for Kubernetes 1.30 and later (`lifecycle.preStop.sleep`). The same settings give the same objects.
public struct KubernetesManifests: Sendable {
    /// A commit's image.
    public struct Version: Sendable {
        /// The full id of the commit.
        public var commit: String
        public var image: String

        public init(commit: String, image: String) {
            self.commit = commit
            self.image = image
        }
    }

    /// What the objects are called: a DNS label.
    public var name: String
    /// nil leaves it to who applies them.
    public var namespace: String?
    public var stable: Version
    /// Gets a share of the requests beside the stable one; nil for none.
    public var canary: Version?
    /// The canary's share in percent, 1 to 99.
    public var canaryWeight = 10
    public var minimum = 2
    public var maximum = 10
    public var cpu = "500m"
    public var memory = "512Mi"
    /// Percent of the requested processor time at which replicas are added.
    public var targetCPU = 70
    public var port = 8080

    /// Seconds in which a replica that ends still takes requests from who has not heard of it.
    private static let lameDuck = 5
    /// Seconds for requests under way.
    private static let drain = 30

    public init(name: String, stable: Version) {
        self.name = name
        self.stable = stable
    }

    /// A DNS label (RFC 1123) made of any name.
    public static func label(_ text: String) -> String {
        let plain = text.lowercased().unicodeScalars.map { scalar in
            ("a"..."z").contains(scalar) || ("0"..."9").contains(scalar) ? String(scalar) : "-"
        }.joined()
        let trimmed = plain.prefix(50).drop { !("a"..."z").contains($0) }
        let label = String(trimmed.reversed().drop { $0 == "-" }.reversed())
        return label.isEmpty ? "model" : label
    }

    /// Deployment, Service, HorizontalPodAutoscaler, PodDisruptionBudget, and the canary's Deployment.
    public var objects: [JSON] {
        var objects = [deployment(stable, track: "stable"), service, autoscaler, budget]
        if let canary { objects.append(deployment(canary, track: "canary")) }
        return objects
    }

    /// As one text for `kubectl apply -f`.
    public static func text(_ objects: [JSON]) -> String {
        objects.map(YAMLText.document).joined(separator: "---\n")
    }

    // MARK: - Parts

    /// The canary's replicas, that its share of all is the one asked for while the stable one has its minimum.
    var canaryReplicas: Int {
        let share = Double(canaryWeight) / 100
        return max(1, Int((Double(minimum) * share / (1 - share)).rounded()))
    }

    private func metadata(_ name: String, _ version: Version, track: String? = nil) -> JSON {
        var out: JSONObject = ["name": .string(name)]
        if let namespace { out["namespace"] = .string(namespace) }
        out["labels"] = .object(labels(version, track))
        out["annotations"] = ["git-ml/commit": .string(version.commit)]
        return .object(out)
    }

    private func labels(_ version: Version, _ track: String?) -> JSONObject {
        var out = selector(track)
        out["app.kubernetes.io/version"] = .string(String(version.commit.prefix(12)))
        out["app.kubernetes.io/managed-by"] = "git-mlrun"
        return out
    }

    private func selector(_ track: String?) -> JSONObject {
        var out: JSONObject = ["app.kubernetes.io/name": .string(name)]
        if let track { out["git-ml/track"] = .string(track) }
        return out
    }

    private func deployment(_ version: Version, track: String) -> JSON {
        let isCanary = track == "canary"
        var spec: JSONObject = [:]
        // The autoscaler's number would be reset with every apply.
        if isCanary { spec["replicas"] = JSON(canaryReplicas) }
        spec["selector"] = ["matchLabels": .object(selector(track))]
        spec["strategy"] = ["type": "RollingUpdate", "rollingUpdate": ["maxSurge": 1, "maxUnavailable": 0]]
        spec["minReadySeconds"] = 5
        spec["revisionHistoryLimit"] = 10
        spec["progressDeadlineSeconds"] = 600
        spec["template"] = [
            "metadata": [
                "labels": .object(labels(version, track)),
                "annotations": [
                    "git-ml/commit": .string(version.commit), "prometheus.io/scrape": "true",
                    "prometheus.io/port": .string(String(port)), "prometheus.io/path": "/metrics",
                ],
            ],
            "spec": [
                "automountServiceAccountToken": false,
                "terminationGracePeriodSeconds": JSON(
                    KubernetesManifests.lameDuck + KubernetesManifests.drain + 10),
                "securityContext": podSecurity,
                "topologySpreadConstraints": [
                    [
                        "maxSkew": 1, "topologyKey": "kubernetes.io/hostname", "whenUnsatisfiable": "ScheduleAnyway",
                        "labelSelector": ["matchLabels": .object(selector(nil))],
                    ]
                ],
                "containers": [container(version, name: "model")],
            ],
        ]
        return [
            "apiVersion": "apps/v1", "kind": "Deployment",
            "metadata": metadata(isCanary ? name + "-canary" : name, version, track: track), "spec": .object(spec),
        ]
    }

    private var podSecurity: JSON {
        [
            "runAsNonRoot": true, "runAsUser": 65532, "runAsGroup": 65532, "seccompProfile": ["type": "RuntimeDefault"],
        ]
    }

    private func container(_ version: Version, name: String) -> JSON {
        func probe(_ path: String, period: Int, failures: Int) -> JSON {
            [
                "httpGet": ["path": .string(path), "port": "http"], "periodSeconds": JSON(period),
                "timeoutSeconds": 2, "failureThreshold": JSON(failures),
            ]
        }
        return [
            "name": .string(name), "image": .string(version.image), "imagePullPolicy": "IfNotPresent",
            "ports": [["name": "http", "containerPort": JSON(port), "protocol": "TCP"]],
            "resources": [
                "requests": ["cpu": .string(cpu), "memory": .string(memory)],
                "limits": ["memory": .string(memory)],
            ],
            "startupProbe": probe("/readyz", period: 1, failures: 60),
            "readinessProbe": probe("/readyz", period: 5, failures: 2),
            "livenessProbe": probe("/healthz", period: 10, failures: 3),
            // Requests still come while the news that this replica ends goes round. The image has no shell to sleep with.
            "lifecycle": ["preStop": ["sleep": ["seconds": JSON(KubernetesManifests.lameDuck)]]],
            "securityContext": [
                "allowPrivilegeEscalation": false, "readOnlyRootFilesystem": true,
                "capabilities": ["drop": ["ALL"]],
            ],
        ]
    }

    private var service: JSON {
        [
            "apiVersion": "v1", "kind": "Service", "metadata": metadata(name, stable),
            "spec": [
                // Stable and canary alike: the numbers of replicas are the weights.
                "selector": .object(selector(nil)),
                "ports": [["name": "http", "port": 80, "targetPort": "http", "protocol": "TCP"]],
            ],
        ]
    }

    private var autoscaler: JSON {
        [
            "apiVersion": "autoscaling/v2", "kind": "HorizontalPodAutoscaler", "metadata": metadata(name, stable),
            "spec": [
                "scaleTargetRef": ["apiVersion": "apps/v1", "kind": "Deployment", "name": .string(name)],
                "minReplicas": JSON(minimum), "maxReplicas": JSON(maximum),
                "metrics": [
                    [
                        "type": "Resource",
                        "resource": [
                            "name": "cpu",
                            "target": ["type": "Utilization", "averageUtilization": JSON(targetCPU)],
                        ],
                    ]
                ],
                "behavior": [
                    "scaleUp": ["stabilizationWindowSeconds": 0],
                    "scaleDown": ["stabilizationWindowSeconds": 300],
                ],
            ],
        ]
    }

    private var budget: JSON {
        [
            "apiVersion": "policy/v1", "kind": "PodDisruptionBudget", "metadata": metadata(name, stable),
            "spec": ["maxUnavailable": 1, "selector": ["matchLabels": .object(selector(nil))]],
        ]
    }

    // MARK: - KServe

    /// KServe's InferenceService (`serving.kserve.io/v1beta1`) instead of all others; a canary is its newest revision, which
    /// gets the canary's share.
    public var inferenceService: JSON {
        let version = canary ?? stable
        var predictor: JSONObject = [
            "minReplicas": JSON(minimum), "maxReplicas": JSON(maximum), "scaleMetric": "cpu",
            "scaleTarget": JSON(targetCPU),
        ]
        if canary != nil { predictor["canaryTrafficPercent"] = JSON(canaryWeight) }
        var container = container(version, name: "kserve-container").objectValue ?? [:]
        // Knative allows none of the one, and names protocols by ports.
        container["lifecycle"] = nil
        container["ports"] = [["name": "http1", "containerPort": JSON(port), "protocol": "TCP"]]
        for probe in ["startupProbe", "readinessProbe", "livenessProbe"] {
            guard var fields = container[probe]?.objectValue, let path = fields["httpGet"]?["path"] else { continue }
            fields["httpGet"] = ["path": path, "port": JSON(port)]
            container[probe] = .object(fields)
        }
        predictor["securityContext"] = podSecurity
        predictor["containers"] = .array([.object(container)])
        return [
            "apiVersion": "serving.kserve.io/v1beta1", "kind": "InferenceService",
            "metadata": metadata(name, version), "spec": ["predictor": .object(predictor)],
        ]
    }
}
