import Base

/// Plots and images as one HTML file that needs no network.
public enum PlotPage {
    /// A picture of one revision.
    public struct Image: Sendable {
        public var path: String
        public var revision: String
        public var bytes: [UInt8]

        public init(path: String, revision: String, bytes: [UInt8]) {
            self.path = path
            self.revision = revision
            self.bytes = bytes
        }

        /// The type by the file's name; nil for what a browser does not show.
        public static func mediaType(_ path: String) -> String? {
            let lower = path.lowercased()
            for (ending, type) in [
                (".png", "image/png"), (".jpg", "image/jpeg"), (".jpeg", "image/jpeg"), (".gif", "image/gif"),
                (".svg", "image/svg+xml"), (".webp", "image/webp"), (".bmp", "image/bmp"),
            ] where lower.hasSuffix(ending) { return type }
            return nil
        }
    }

    public static func html(title: String, figures: [PlotFigure], images: [Image]) -> String {
        var body = figures.map { "<figure>\(PlotSVG.draw($0))</figure>\n" }.joined()
        var paths: [String] = []
        for image in images where !paths.contains(image.path) { paths.append(image.path) }
        for path in paths {
            body += "<h2>\(PlotSVG.escape(path))</h2>\n"
            for image in images where image.path == path {
                let type = Image.mediaType(path) ?? "application/octet-stream"
                body += """
                    <figure><img alt="\(PlotSVG.escape("\(path) of \(image.revision)"))" \
                    src="data:\(type);base64,\(Base64.encode(image.bytes))"><figcaption>\(PlotSVG.escape(image.revision))</figcaption></figure>

                    """
            }
        }
        if body.isEmpty { body = "<p>There is nothing to plot.</p>\n" }
        return """
            <!DOCTYPE html>
            <html lang="en">
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
            <title>\(PlotSVG.escape(title))</title>
            <style>
            :root { color-scheme: light dark; }
            body { font-family: sans-serif; margin: 1.5rem; }
            figure { display: inline-block; margin: 0 1.5rem 1.5rem 0; vertical-align: top; }
            figure svg, figure img { max-width: 100%; height: auto; }
            figcaption { text-align: center; font-size: 0.8rem; }
            </style>
            </head>
            <body>
            <h1>\(PlotSVG.escape(title))</h1>
            \(body)</body>
            </html>

            """
    }
}
