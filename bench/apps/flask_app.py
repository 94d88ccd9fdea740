"""predictor.py of AWS's sample container: /ping and /invocations in flask."""

import json
import os

import flask
import predictors

MODEL = os.environ["BENCH_MODEL"]
PREDICT = predictors.chosen()
app = flask.Flask(__name__)


@app.route("/ping", methods=["GET"])
def ping() -> flask.Response:
    return flask.Response(response="\n", status=200, mimetype="application/json")


@app.route("/invocations", methods=["POST"])
def invoke() -> flask.Response:
    data = flask.request.data
    if MODEL == "echo":
        return flask.Response(response=data, status=200, mimetype="application/json")
    answer = predictors.answer(MODEL, PREDICT, json.loads(data)["instances"])
    return flask.Response(response=json.dumps(answer), status=200, mimetype="application/json")
