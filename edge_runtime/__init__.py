"""What runs on a device: models, engines, images, camera, page, doctor, service.

Needs numpy, OpenCV and one engine; never TensorFlow, Keras, onnx or matplotlib. `edgecls` itself is the
public interface; the names here are what it and the command line take, imported when first used.
"""

from typing import TYPE_CHECKING

from .lazy import lazy_names

if TYPE_CHECKING:
    from .camera.actions.rules import has_webhooks as has_webhooks
    from .camera.answer import Answer as Answer
    from .camera.control import StopRequest as StopRequest
    from .camera.control import stop_on_signals as stop_on_signals
    from .camera.event import Event as Event
    from .camera.event import fan_out as fan_out
    from .camera.frame import Frame as Frame
    from .camera.loop import Loop as Loop
    from .camera.mqtt.broker import parse_broker as parse_broker
    from .camera.mqtt.removal import remove_from_broker as remove_from_broker
    from .camera.options import CameraOptions as CameraOptions
    from .camera.outputs.background import use_background_stderr as use_background_stderr
    from .camera.outputs.lines import LineOutput as LineOutput
    from .camera.outputs.lines import answer_line as answer_line
    from .camera.outputs.lines import json_line as json_line
    from .camera.outputs.result_files import CsvFile as CsvFile
    from .camera.outputs.result_files import PictureFolder as PictureFolder
    from .camera.outputs.status_line import StatusLine as StatusLine
    from .camera.outputs.systemd import ServiceSink as ServiceSink
    from .camera.outputs.systemd import service_manager as service_manager
    from .camera.outputs.video_writer import render_clip as render_clip
    from .camera.outputs.window import why_no_window as why_no_window
    from .camera.recording import read_header as read_header
    from .camera.replay import replay_recording as replay_recording
    from .camera.session import is_unattended as is_unattended
    from .camera.session import open_session as open_session
    from .camera.session import shows_stills as shows_stills
    from .camera.session import watch as watch
    from .camera.sources.address import image_files as image_files
    from .camera.sources.open import open_source as open_source
    from .camera.sources.source import EndOfSource as EndOfSource
    from .camera.sources.source import Source as Source
    from .camera.sources.source import Stills as Stills
    from .classifier import Classifier as Classifier
    from .classifier import open_classifier as open_classifier
    from .doctor.examine import examine as examine
    from .doctor.host import this_host as this_host
    from .engines.open import open_engine as open_engine
    from .engines.watched import watched as watched
    from .errors import EdgeclsError as EdgeclsError
    from .images.decode import decode as decode
    from .images.decode import read_image as read_image
    from .images.picture_options import PictureOptions as PictureOptions
    from .images.prepare import prepare as prepare
    from .images.rule import ImageRule as ImageRule
    from .inspection.inspect import inspect_model as inspect_model
    from .models.card import ModelCard as ModelCard
    from .models.find import any_model as any_model
    from .models.find import model_files as model_files
    from .models.golden import replay_golden as replay_golden
    from .models.model_file import WithoutCard as WithoutCard
    from .models.model_file import read_model as read_model
    from .models.trial import sign_file as sign_file
    from .prediction import Prediction as Prediction
    from .service.control import check_booted as check_booted
    from .service.control import install as install
    from .service.control import installed as installed
    from .service.control import remove as remove
    from .service.control import status_of as status_of
    from .service.control import systemctl as systemctl
    from .service.plan import plan_service as plan_service
    from .service.unit import unit_text as unit_text

_MODULES = {
    "has_webhooks": ".camera.actions.rules",
    "Answer": ".camera.answer",
    "Event": ".camera.event",
    "fan_out": ".camera.event",
    "Frame": ".camera.frame",
    "Loop": ".camera.loop",
    "StopRequest": ".camera.control",
    "stop_on_signals": ".camera.control",
    "parse_broker": ".camera.mqtt.broker",
    "remove_from_broker": ".camera.mqtt.removal",
    "CameraOptions": ".camera.options",
    "use_background_stderr": ".camera.outputs.background",
    "LineOutput": ".camera.outputs.lines",
    "answer_line": ".camera.outputs.lines",
    "json_line": ".camera.outputs.lines",
    "CsvFile": ".camera.outputs.result_files",
    "PictureFolder": ".camera.outputs.result_files",
    "StatusLine": ".camera.outputs.status_line",
    "ServiceSink": ".camera.outputs.systemd",
    "service_manager": ".camera.outputs.systemd",
    "render_clip": ".camera.outputs.video_writer",
    "why_no_window": ".camera.outputs.window",
    "read_header": ".camera.recording",
    "replay_recording": ".camera.replay",
    "is_unattended": ".camera.session",
    "open_session": ".camera.session",
    "shows_stills": ".camera.session",
    "watch": ".camera.session",
    "image_files": ".camera.sources.address",
    "open_source": ".camera.sources.open",
    "EndOfSource": ".camera.sources.source",
    "Source": ".camera.sources.source",
    "Stills": ".camera.sources.source",
    "Classifier": ".classifier",
    "Prediction": ".prediction",
    "open_classifier": ".classifier",
    "examine": ".doctor.examine",
    "this_host": ".doctor.host",
    "open_engine": ".engines.open",
    "watched": ".engines.watched",
    "EdgeclsError": ".errors",
    "decode": ".images.decode",
    "prepare": ".images.prepare",
    "read_image": ".images.decode",
    "ImageRule": ".images.rule",
    "PictureOptions": ".images.picture_options",
    "inspect_model": ".inspection.inspect",
    "ModelCard": ".models.card",
    "any_model": ".models.find",
    "model_files": ".models.find",
    "replay_golden": ".models.golden",
    "WithoutCard": ".models.model_file",
    "read_model": ".models.model_file",
    "sign_file": ".models.trial",
    "check_booted": ".service.control",
    "install": ".service.control",
    "installed": ".service.control",
    "remove": ".service.control",
    "status_of": ".service.control",
    "systemctl": ".service.control",
    "plan_service": ".service.plan",
    "unit_text": ".service.unit",
}

__getattr__ = lazy_names(__name__, _MODULES)
