import Base

/// Rows for plots of an evaluation, as comma-separated tables with a header.
public enum EvaluationPlots {
    /// Truth and guess of each text, which plots' template `confusion` counts.
    public static func confusion(_ answers: [[Double]], _ truth: [Int], labels: [String]) -> String {
        zip(answers, truth).reduce("actual,predicted\n") { text, row in
            text + "\(field(labels[row.1])),\(field(labels[Evaluation.argmax(row.0)]))\n"
        }
    }

    /// The receiver's curve of each class against all others (of two classes the second): one point a threshold, thresholds
    /// falling, equal scores together.
    public static func receiver(_ answers: [[Double]], _ truth: [Int], labels: [String]) -> String {
        curve("label,threshold,fpr,tpr", answers, truth, labels) { hit, missed, positive, negative in
            "\(negative == 0 ? 0 : missed / negative),\(positive == 0 ? 0 : hit / positive)"
        }
    }

    /// Precision by recall, likewise.
    public static func precisionRecall(_ answers: [[Double]], _ truth: [Int], labels: [String]) -> String {
        curve("label,threshold,recall,precision", answers, truth, labels) { hit, missed, positive, _ in
            "\(positive == 0 ? 0 : hit / positive),\(hit + missed == 0 ? 1 : hit / (hit + missed))"
        }
    }

    /// How often answers of a confidence are right: fifteen bins of equal width; empty ones are left out.
    public static func calibration(_ answers: [[Double]], _ truth: [Int], bins: Int = 15) -> String {
        var sums = [(count: Double, confidence: Double, hits: Double)](repeating: (0, 0, 0), count: bins)
        for (row, label) in zip(answers, truth) {
            let guess = Evaluation.argmax(row)
            let bin = min(bins - 1, max(0, Int(row[guess] * Double(bins))))
            sums[bin].count += 1
            sums[bin].confidence += row[guess]
            sums[bin].hits += guess == label ? 1 : 0
        }
        return sums.filter { $0.count > 0 }.reduce("confidence,accuracy,texts\n") {
            $0 + "\($1.confidence / $1.count),\($1.hits / $1.count),\(Int($1.count))\n"
        }
    }

    private static func curve(
        _ header: String, _ answers: [[Double]], _ truth: [Int], _ labels: [String],
        _ point: (_ hit: Double, _ missed: Double, _ positive: Double, _ negative: Double) -> String
    ) -> String {
        var text = header + "\n"
        for label in labels.count == 2 ? [1] : Array(labels.indices) {
            let order = answers.indices.sorted { answers[$0][label] > answers[$1][label] }
            let positive = Double(truth.count { $0 == label })
            let negative = Double(truth.count) - positive
            var (hit, missed) = (0.0, 0.0)
            for (place, row) in order.enumerated() {
                if truth[row] == label { hit += 1 } else { missed += 1 }
                let score = answers[row][label]
                if place + 1 < order.count, answers[order[place + 1]][label] == score { continue }
                text += "\(field(labels[label])),\(score),\(point(hit, missed, positive, negative))\n"
            }
        }
        return text
    }

    /// A value as RFC 4180 writes it.
    private static func field(_ text: String) -> String {
        guard text.contains(where: { ",\"\r\n".contains($0) }) else { return text }
        return "\"" + text.split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\"\"") + "\""
    }
}
