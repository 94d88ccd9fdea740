"""``python toolkit_app.py CONFIG``: the entry point of a container of the inference toolkit.

The toolkit writes its configuration to /etc; here it goes into the run's own folder.
"""

import sys

from sagemaker_inference import model_server

if __name__ == "__main__":
    model_server.MMS_CONFIG_FILE = sys.argv[1]
    model_server.start_model_server()
