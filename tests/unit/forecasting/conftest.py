import sys
from pathlib import Path

# The importlib mode of pytest puts no test folder on the path; the made-up companies are shared by these tests.
sys.path.insert(0, str(Path(__file__).parent))
