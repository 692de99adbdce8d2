import Base

/// The description of a service's addresses (OpenAPI 3.1).
enum OpenAPIDocument {
    static func of(_ generation: Generation) -> JSON {
        let version: JSON = .string(generation.version)
        let labels = JSON(generation.labels)
        let prediction: JSON = [
            "type": "object", "required": ["label", "probabilities"],
            "properties": [
                "label": ["type": "string", "enum": labels],
                "probabilities": ["type": "object", "additionalProperties": ["type": "number"]],
            ],
        ]
        let question: JSON = [
            "oneOf": [
                ["type": "string"], ["type": "array", "items": ["type": "string"]],
                [
                    "type": "object",
                    "properties": [
                        "text": ["type": "string"], "texts": ["type": "array", "items": ["type": "string"]],
                        "explain": ["type": "boolean", "default": false],
                    ],
                ],
            ]
        ]
        let predict: JSON = [
            "summary": "Predict the labels of texts",
            "requestBody": [
                "required": true,
                "content": [
                    "application/json": ["schema": question], "text/plain": ["schema": ["type": "string"]],
                ],
            ],
            "responses": [
                "200": content(
                    "One prediction, or a list of them in 'predictions'",
                    [
                        "oneOf": [
                            prediction,
                            ["type": "object", "properties": ["predictions": ["type": "array", "items": prediction]]],
                        ]
                    ]),
                "400": failure, "401": failure, "413": failure, "429": failure, "500": failure, "503": failure,
                "504": failure,
            ],
        ]
        let model = "/v2/models/\(generation.model)"
        let paths: [(String, JSON)] = [
            ("/predict", ["post": predict]), ("/healthz", ["get": plain("The process answers")]),
            ("/readyz", ["get": plain("The model answers")]),
            ("/metrics", ["get": plain("Counters in Prometheus' text format")]),
            ("/v2", ["get": plain("The server (Open Inference Protocol, version 2)")]),
            ("/v2/health/live", ["get": plain("The process answers")]),
            ("/v2/health/ready", ["get": plain("The model answers")]),
            (model, ["get": plain("The model's inputs and outputs")]),
            (model + "/ready", ["get": plain("The model answers")]), (model + "/infer", ["post": infer]),
            (model + "/versions/\(generation.version)/infer", ["post": infer]),
        ]
        return [
            "openapi": "3.1.0", "info": ["title": .string(generation.model), "version": version],
            "paths": .object(JSONObject(paths)),
        ]
    }

    private static var infer: JSON {
        let tensor: JSON = [
            "type": "object", "required": ["name", "shape", "datatype", "data"],
            "properties": [
                "name": ["type": "string"], "shape": ["type": "array", "items": ["type": "integer"]],
                "datatype": ["type": "string"], "data": ["type": "array"],
            ],
        ]
        return [
            "summary": "Predict (Open Inference Protocol, version 2)",
            "requestBody": [
                "required": true,
                "content": [
                    "application/json": [
                        "schema": [
                            "type": "object", "required": ["inputs"],
                            "properties": ["id": ["type": "string"], "inputs": ["type": "array", "items": tensor]],
                        ]
                    ]
                ],
            ],
            "responses": [
                "200": content(
                    "The outputs", ["type": "object", "properties": ["outputs": ["type": "array", "items": tensor]]]),
                "400": failure,
            ],
        ]
    }

    private static var failure: JSON {
        content("What went wrong", ["type": "object", "properties": ["error": ["type": "string"]]])
    }

    private static func content(_ description: String, _ schema: JSON) -> JSON {
        ["description": .string(description), "content": ["application/json": ["schema": schema]]]
    }

    private static func plain(_ summary: String) -> JSON {
        ["summary": .string(summary), "responses": ["200": ["description": .string(summary)]]]
    }
}
